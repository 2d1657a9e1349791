package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// What the kubelet and kube-proxy set for the whole machine, and what is therefore put back.
var kernelSettings = []string{
	"kernel/panic", "kernel/panic_on_oops", "kernel/keys/root_maxkeys", "kernel/keys/root_maxbytes",
	"vm/overcommit_memory", "vm/panic_on_oom", "net/ipv4/conf/all/route_localnet",
}

func keepKernelSettings() error {
	for _, name := range kernelSettings {
		kept := inState("kernel", name)
		if _, err := os.Stat(kept); err == nil {
			continue
		}
		value, err := os.ReadFile(filepath.Join("/proc/sys", name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if err := writeFile(string(value), "kernel", name); err != nil {
			return err
		}
	}
	return nil
}

func restoreKernelSettings() error {
	var wrong []error
	for _, name := range kernelSettings {
		value, err := os.ReadFile(inState("kernel", name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		setting := filepath.Join("/proc/sys", name)
		now, readError := os.ReadFile(setting)
		if err == nil && readError == nil && !bytes.Equal(now, value) {
			err = os.WriteFile(setting, value, 0o644)
		}
		wrong = append(wrong, err, readError)
	}
	return errors.Join(wrong...)
}

// hierarchies are the places at which control groups are mounted: one, or one for each controller.
func hierarchies() ([]string, error) {
	var found []string
	err := eachMount(func(target, kind string) {
		if kind == "cgroup" || kind == "cgroup2" {
			found = append(found, target)
		}
	})
	return found, err
}

func makeCgroups() error {
	places, err := hierarchies()
	if err != nil {
		return err
	}
	for _, place := range places {
		if err := os.MkdirAll(filepath.Join(place, cgroup), 0o755); err != nil {
			return err
		}
	}
	return nil
}

// endContainers kills whatever runs in the node's control groups, and removes these.
func endContainers(ctx context.Context) error {
	places, err := hierarchies()
	if err != nil {
		return err
	}
	for _, place := range places {
		if err := emptyCgroup(ctx, filepath.Join(place, cgroup)); err != nil {
			return err
		}
	}
	return nil
}

func emptyCgroup(ctx context.Context, root string) error {
	// A container may start another process between the look and the kill, hence again and again.
	err := until(ctx, endsWithin, func() bool {
		members := membersOf(root)
		for _, id := range members {
			syscall.Kill(id, syscall.SIGKILL)
		}
		return len(members) == 0
	})
	if err != nil {
		return fmt.Errorf("processes in %s do not end: %v", root, membersOf(root))
	}
	// The kernel takes a moment to let go of a group whose last process has just ended.
	err = until(ctx, endsWithin, func() bool { return removeTree(root) == nil })
	if err != nil {
		return fmt.Errorf("%s: %w", root, removeTree(root))
	}
	return nil
}

func membersOf(root string) []int {
	var members []int
	filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() {
			return nil
		}
		content, _ := os.ReadFile(filepath.Join(path, "cgroup.procs"))
		for _, field := range strings.Fields(string(content)) {
			if id, err := strconv.Atoi(field); err == nil {
				members = append(members, id)
			}
		}
		return nil
	})
	return members
}

// removeTree removes groups from the leaves up; their files are the kernel's and go with them.
func removeTree(root string) error {
	var folders []string
	filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			folders = append(folders, path)
		}
		return nil
	})
	slices.Reverse(folders)
	var wrong []error
	for _, folder := range folders {
		if err := syscall.Rmdir(folder); err != nil && err != syscall.ENOENT {
			wrong = append(wrong, err)
		}
	}
	return errors.Join(wrong...)
}

// eachMount tells every mount of this machine, in the order in which they were made.
func eachMount(tell func(target, kind string)) error {
	content, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return err
	}
	spaces := strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)
	for _, line := range strings.Split(string(content), "\n") {
		if fields := strings.Fields(line); len(fields) > 2 {
			tell(spaces.Replace(fields[1]), fields[2])
		}
	}
	return nil
}

func ourMounts() ([]string, error) {
	var found []string
	err := eachMount(func(target, _ string) {
		if isOurs(target) {
			found = append(found, target)
		}
	})
	// The last first: a mount upon a mount goes before it.
	slices.Reverse(found)
	return found, err
}

func isOurs(path string) bool {
	for _, folder := range []string{stateFolder, runFolder} {
		if path == folder || strings.HasPrefix(path, folder+"/") {
			return true
		}
	}
	return false
}

func unmountAll() error {
	mounts, err := ourMounts()
	if err != nil {
		return err
	}
	for _, target := range mounts {
		if err := syscall.Unmount(target, syscall.MNT_DETACH); err != nil {
			return fmt.Errorf("unmounting %s: %w", target, err)
		}
	}
	return nil
}
