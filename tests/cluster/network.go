package main

import (
	"errors"
	"fmt"
	"os/exec"
	"strings"

	"github.com/vishvananda/netlink"
)

// makeBridge gives the node its network and its address. CNI's bridge plugin finds it there and plugs the pods in.
func makeBridge() error {
	link := &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: bridgeName}}
	found, err := netlink.LinkByName(bridgeName)
	if errors.As(err, &netlink.LinkNotFoundError{}) {
		if err := netlink.LinkAdd(link); err != nil {
			return fmt.Errorf("bridge %s: %w", bridgeName, err)
		}
		found, err = netlink.LinkByName(bridgeName)
	}
	if err != nil {
		return fmt.Errorf("bridge %s: %w", bridgeName, err)
	}
	address, err := netlink.ParseAddr(fmt.Sprintf("%s/%d", nodeAddress, nodePrefix))
	if err != nil {
		return err
	}
	if err := netlink.AddrReplace(found, address); err != nil {
		return fmt.Errorf("address of bridge %s: %w", bridgeName, err)
	}
	// Set, if only to what it is: a bridge without an address of its own takes the lowest of its pods', and whenever a pod
	// comes or goes the others would talk to nobody until they ask anew. CNI's plugin sets it only with the first address.
	if err := netlink.LinkSetHardwareAddr(found, found.Attrs().HardwareAddr); err != nil {
		return fmt.Errorf("hardware address of bridge %s: %w", bridgeName, err)
	}
	return netlink.LinkSetUp(found)
}

// removeBridge also removes what is plugged in: the pods' ends of it go with their networks.
func removeBridge() error {
	bridge, err := netlink.LinkByName(bridgeName)
	if errors.As(err, &netlink.LinkNotFoundError{}) {
		return nil
	}
	if err != nil {
		return err
	}
	links, err := netlink.LinkList()
	if err != nil {
		return err
	}
	var wrong []error
	for _, link := range links {
		if link.Attrs().MasterIndex == bridge.Attrs().Index {
			wrong = append(wrong, netlink.LinkDel(link))
		}
	}
	return errors.Join(append(wrong, netlink.LinkDel(bridge))...)
}

// A rule of Kubernetes' own and where it is.
type ruleList struct{ command, table string }

func ruleLists() []ruleList {
	var lists []ruleList
	for _, command := range []string{"iptables", "ip6tables"} {
		for _, table := range []string{"nat", "mangle", "filter"} {
			lists = append(lists, ruleList{command, table})
		}
	}
	return lists
}

// kubernetesRules lists what kube-proxy and the kubelet have written; both begin every chain of theirs with KUBE-.
func (list ruleList) kubernetesRules() []string {
	// Where it fails there is no such table or no such protocol in this kernel, and no such rules either.
	output, _ := exec.Command(list.command, "--table", list.table, "--list-rules").Output()
	var rules []string
	for _, line := range strings.Split(string(output), "\n") {
		if strings.Contains(line, "KUBE-") {
			rules = append(rules, line)
		}
	}
	return rules
}

// allRules lists the rules of every Kubernetes on this machine: ours, or one that we must not disturb.
func allRules() []string {
	var found []string
	for _, list := range ruleLists() {
		for _, rule := range list.kubernetesRules() {
			found = append(found, fmt.Sprintf("%s %s %s", list.command, list.table, rule))
		}
	}
	return found
}

// removeRules takes away the jumps into Kubernetes' chains, then empties the chains, then removes them.
func removeRules() error {
	var wrong []error
	for _, list := range ruleLists() {
		if rules := list.kubernetesRules(); len(rules) > 0 {
			wrong = append(wrong, list.restore(removal(list.table, rules)))
		}
	}
	return errors.Join(wrong...)
}

// removal writes what iptables-restore does in one step, leaving every other rule as it is.
func removal(table string, rules []string) string {
	var jumps, flushes, chains strings.Builder
	for _, rule := range rules {
		command, rest, _ := strings.Cut(rule, " ")
		chain, _, _ := strings.Cut(rest, " ")
		switch {
		case command == "-N":
			fmt.Fprintf(&flushes, "-F %s\n", chain)
			fmt.Fprintf(&chains, "-X %s\n", chain)
		case command == "-A" && !strings.HasPrefix(chain, "KUBE-"):
			fmt.Fprintf(&jumps, "-D %s\n", rest)
		}
	}
	return fmt.Sprintf("*%s\n%s%s%sCOMMIT\n", table, jumps.String(), flushes.String(), chains.String())
}

func (list ruleList) restore(lines string) error {
	command := exec.Command(list.command+"-restore", "--noflush")
	command.Stdin = strings.NewReader(lines)
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", command, err, output)
	}
	return nil
}
