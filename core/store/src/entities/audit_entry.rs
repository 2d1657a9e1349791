//! Table `audit_log`.

use sea_orm::entity::prelude::*;

/// One row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "audit_log")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub timestamp: String,
    pub user: String,
    pub action: String,
    pub details: Option<String>,
    pub actor_id: Option<String>,
    pub request_id: Option<String>,
    pub address: Option<String>,
    pub target: Option<String>,
    pub outcome: Option<String>,
    pub change: Option<String>,
    pub chain: Option<String>,
}

/// None: rows are read by their keys.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
