//! How many connections there are, in all and from each address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use crate::config::Connections;

/// Counts connections and refuses those that are too many. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Count {
    most: Connections,
    open: Arc<Mutex<Open>>,
}

#[derive(Debug, Default)]
struct Open {
    total: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// The place of an open connection; dropped, it is free again.
#[derive(Debug)]
pub(super) struct Place {
    count: Count,
    address: IpAddr,
}

impl Count {
    pub(super) fn new(most: Connections) -> Self {
        Self {
            most,
            open: Arc::default(),
        }
    }

    /// A place for a connection from this address, if there is one.
    pub(super) fn enter(&self, address: IpAddr) -> Option<Place> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.total >= self.most.total {
            return None;
        }
        let of_address = open.by_address.entry(address).or_default();
        if *of_address >= self.most.per_address {
            return None;
        }
        *of_address += 1;
        open.total += 1;
        metrics::gauge!("launchpad_connections").increment(1);
        Some(Place {
            count: self.clone(),
            address,
        })
    }
}

#[cfg(test)]
impl Count {
    pub(super) fn total(&self) -> usize {
        self.open.lock().unwrap().total
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.count.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.total -= 1;
        if let Some(of_address) = open.by_address.get_mut(&self.address) {
            *of_address -= 1;
            if *of_address == 0 {
                open.by_address.remove(&self.address);
            }
        }
        metrics::gauge!("launchpad_connections").decrement(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_does_not_take_everybodys_place() {
        let count = Count::new(Connections {
            total: 3,
            per_address: 2,
        });
        let [one, two, three] = ["10.0.0.1", "10.0.0.2", "10.0.0.3"].map(|text| text.parse().unwrap());
        let first = count.enter(one).unwrap();
        let _second = count.enter(one).unwrap();
        assert!(count.enter(one).is_none(), "the address is full");
        let _third = count.enter(two).unwrap();
        assert!(count.enter(three).is_none(), "all is full");
        drop(first);
        assert!(count.enter(three).is_some());
        assert_eq!(count.open.lock().unwrap().by_address.len(), 2);
    }
}
