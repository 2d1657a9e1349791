package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/vishvananda/netlink"
)

// Where the kubelet and containerd write whatever they are told. Others may have something there too: only what is ours
// or empty is removed.
const (
	linkedLogs     = "/var/log/containers"
	kubeletFolder  = "/var/lib/kubelet"
	networkResults = "/var/lib/cni/results"
)

// down ends everything and removes it. It goes on past what does not go, and then says what is left.
func down(ctx context.Context, _ []string) error {
	release, err := lock()
	if err != nil {
		return err
	}
	defer release()
	if !exists(stateFolder) && !exists(runFolder) {
		say("there is no cluster")
		return nil
	}
	all, err := parts()
	if err != nil {
		return err
	}
	wrong := []error{stop(ctx, simulator)}
	// Whoever starts containers first, then the containers, then whoever holds them.
	slices.Reverse(all)
	for _, one := range all {
		if one.name != "containerd" {
			wrong = append(wrong, stop(ctx, one.name))
		}
	}
	wrong = append(wrong,
		endContainers(ctx),
		stop(ctx, "containerd"),
		endShims(ctx),
		unmountAll(),
		removeBridge(),
		removeRules(),
		restoreKernelSettings(),
		removeLinkedLogs(),
		removeKubeletFolder(),
		removeNetworkResults(),
		os.RemoveAll(runFolder),
		os.RemoveAll(stateFolder),
	)
	if err := errors.Join(append(wrong, leftovers())...); err != nil {
		return err
	}
	say("nothing of it is left")
	return nil
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// endShims ends the processes that hold containers on behalf of our containerd, and outlive it.
func endShims(ctx context.Context) error {
	var wrong []error
	for _, id := range processesOf(containerdSocket) {
		if began, ok := startOf(id); ok {
			wrong = append(wrong, process{id: id, start: began}.end(ctx))
		}
	}
	return errors.Join(wrong...)
}

// processesOf finds who has this word among the arguments.
func processesOf(word string) []int {
	var found []int
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil || !slices.Contains(strings.Split(string(content), "\x00"), word) {
			continue
		}
		var id int
		if _, err := fmt.Sscanf(file, "/proc/%d/cmdline", &id); err == nil && id != os.Getpid() {
			found = append(found, id)
		}
	}
	return found
}

func removeLinkedLogs() error {
	links, err := filepath.Glob(filepath.Join(linkedLogs, "*.log"))
	if err != nil {
		return err
	}
	for _, link := range links {
		if target, err := os.Readlink(link); err == nil && isOurs(target) {
			if err := os.Remove(link); err != nil {
				return err
			}
		}
	}
	return removeEmpty(linkedLogs)
}

func removeKubeletFolder() error {
	if err := os.Remove(filepath.Join(kubeletFolder, "device-plugins", "kubelet.sock")); err != nil &&
		!errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return errors.Join(removeEmpty(filepath.Join(kubeletFolder, "device-plugins")), removeEmpty(kubeletFolder))
}

// What containerd remembers of each network that it has made. Those of our pods lay in our folder.
func removeNetworkResults() error {
	results, err := filepath.Glob(filepath.Join(networkResults, "*"))
	if err != nil {
		return err
	}
	for _, result := range results {
		content, err := os.ReadFile(result)
		if err != nil || !strings.Contains(string(content), runFolder+"/") {
			continue
		}
		if err := os.Remove(result); err != nil {
			return err
		}
	}
	return errors.Join(removeEmpty(networkResults), removeEmpty(filepath.Dir(networkResults)))
}

func removeEmpty(folder string) error {
	err := syscall.Rmdir(folder)
	if err == nil || err == syscall.ENOENT || err == syscall.ENOTEMPTY {
		return nil
	}
	return fmt.Errorf("%s: %w", folder, err)
}

// leftovers looks at everything that a cluster makes, whoever should have removed it.
func leftovers() error {
	var left []error
	add := func(what string, found ...string) {
		for _, one := range found {
			left = append(left, fmt.Errorf("left: %s %s", what, one))
		}
	}
	for _, id := range processesOf(containerdSocket) {
		add("process", fmt.Sprint(id))
	}
	mounts, err := ourMounts()
	if err != nil {
		return err
	}
	add("mount", mounts...)
	if _, err := netlink.LinkByName(bridgeName); err == nil {
		add("interface", bridgeName)
	}
	add("rule", allRules()...)
	places, err := hierarchies()
	if err != nil {
		return err
	}
	for _, folder := range append(places, stateFolder, runFolder) {
		if !isOurs(folder) {
			folder = filepath.Join(folder, cgroup)
		}
		if exists(folder) {
			add("folder", folder)
		}
	}
	return errors.Join(left...)
}
