package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// How long a process may take to end by itself.
const endsWithin = 10 * time.Second

// A process is known by its id and the moment of its start: an id alone may be somebody else's by now.
type process struct {
	id    int
	start string
}

func pidFile(name string) string { return inRun(name + ".pid") }
func logFile(name string) string { return filepath.Join(logFolder, name+".log") }

// running finds the process that was started under this name, if it still runs.
func running(name string) (process, bool) {
	content, err := os.ReadFile(pidFile(name))
	if err != nil {
		return process{}, false
	}
	id, start, ok := strings.Cut(strings.TrimSpace(string(content)), " ")
	number, err := strconv.Atoi(id)
	if !ok || err != nil {
		return process{}, false
	}
	found := process{id: number, start: start}
	return found, found.alive()
}

func (of process) alive() bool {
	start, ok := startOf(of.id)
	return ok && start == of.start
}

// startOf reads when a process began, in the kernel's own count. One that ended and was not yet waited for is none.
func startOf(id int) (string, bool) {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", id))
	if err != nil {
		return "", false
	}
	// The second field is the program's name in brackets, which may hold anything.
	fields := strings.Fields(string(content[strings.LastIndexByte(string(content), ')')+1:]))
	if len(fields) < 20 || fields[0] == "Z" || fields[0] == "X" {
		return "", false
	}
	return fields[19], true
}

// start runs a command on its own, beyond the end of this program, and notes who it is.
func start(name string, command ...string) error {
	log, err := os.OpenFile(logFile(name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	child := exec.Command(command[0], command[1:]...)
	child.Stdout, child.Stderr = log, log
	child.Dir = stateFolder
	// Nothing of the caller's: a proxy in the environment would be asked for the node's own addresses.
	child.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=" + stateFolder}
	child.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := child.Start(); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	began, ok := startOf(child.Process.Pid)
	if !ok {
		return diedEarly(name)
	}
	noted := fmt.Sprintf("%d %s\n", child.Process.Pid, began)
	// Waited for, so that one which dies while we look on is seen to be dead.
	go child.Wait()
	return os.WriteFile(pidFile(name), []byte(noted), 0o644)
}

func diedEarly(name string) error {
	return fmt.Errorf("%s has ended; the end of %s says:\n%s", name, logFile(name), tail(logFile(name)))
}

func tail(path string) string {
	const most = 2000
	content, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	return string(content[max(0, len(content)-most):])
}

// stop ends one part, first politely. One that a test has paused is woken, or it could not obey.
func stop(ctx context.Context, name string) error {
	found, ok := running(name)
	if ok {
		say("stopping %s", name)
		if err := found.end(ctx); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	if err := os.Remove(pidFile(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func (of process) end(ctx context.Context) error {
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		if err := errors.Join(of.signal(signal), of.signal(syscall.SIGCONT)); err != nil {
			return err
		}
		if until(ctx, endsWithin, func() bool { return !of.alive() }) == nil {
			return nil
		}
	}
	return fmt.Errorf("process %d does not end", of.id)
}

func (of process) signal(signal syscall.Signal) error {
	if !of.alive() {
		return nil
	}
	if err := syscall.Kill(of.id, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
		return err
	}
	return nil
}

// until waits for what nobody announces.
func until(ctx context.Context, most time.Duration, holds func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	for !holds() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
	return nil
}
