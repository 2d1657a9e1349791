package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"github.com/go-logr/logr"
	kubeerrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/klog/v2"
)

// up starts what does not run and waits until pods can be started. On a cluster that runs it changes nothing.
func up(ctx context.Context, _ []string) error {
	release, err := lock()
	if err != nil {
		return err
	}
	defer release()
	all, err := parts()
	if err != nil {
		return err
	}
	if missing := missingOf(all); len(missing) == 0 {
		say("it runs already")
		return untilUsable(ctx)
	}
	if err := refuseBesideAnother(); err != nil {
		return err
	}
	if err := prepare(); err != nil {
		return err
	}
	for _, one := range all {
		if err := startPart(ctx, one); err != nil {
			return err
		}
	}
	for _, one := range all {
		if err := untilHealthy(ctx, one); err != nil {
			return err
		}
	}
	if err := untilUsable(ctx); err != nil {
		return err
	}
	say("it runs")
	return nil
}

// status says what runs, and fails where something does not.
func status(context.Context, []string) error {
	all, err := parts()
	if err != nil {
		return err
	}
	for _, one := range all {
		if found, ok := running(one.name); ok {
			fmt.Printf("%s\trunning\t%d\n", one.name, found.id)
		} else {
			fmt.Printf("%s\tnot running\n", one.name)
		}
	}
	if missing := missingOf(all); len(missing) > 0 {
		return fmt.Errorf("%d of %d parts do not run", len(missing), len(all))
	}
	return nil
}

func missingOf(all []part) []part {
	var missing []part
	for _, one := range all {
		if _, ok := running(one.name); !ok {
			missing = append(missing, one)
		}
	}
	return missing
}

// Two Kubernetes nodes on one machine take away each other's rules, and `down` could not tell whose they are.
func refuseBesideAnother() error {
	if _, err := os.Stat(runFolder); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if rules := allRules(); len(rules) > 0 {
		return fmt.Errorf("another Kubernetes keeps its rules on this machine, for instance %q: "+
			"stop it, or give its kubeconfig to the tests as LAUNCHPAD_TEST_KUBECONFIG", rules[0])
	}
	return nil
}

func prepare() error {
	if err := makeFolders(); err != nil {
		return err
	}
	if err := keepKernelSettings(); err != nil {
		return err
	}
	if err := makeBridge(); err != nil {
		return err
	}
	if err := makeCgroups(); err != nil {
		return err
	}
	if err := makeCredentials(); err != nil {
		return err
	}
	return configureNode()
}

// startPart starts one part, unless it runs, and waits only for those that the next ones cannot do without.
func startPart(ctx context.Context, one part) error {
	if _, ok := running(one.name); ok {
		return nil
	}
	say("starting %s", one.name)
	if err := start(one.name, one.command...); err != nil {
		return err
	}
	switch one.name {
	case "etcd", "kube-apiserver":
		return untilHealthy(ctx, one)
	case "containerd":
		if err := untilSocket(ctx); err != nil {
			return diedEarly(one.name)
		}
		return importPauseImage(ctx)
	default:
		return nil
	}
}

func untilUsable(ctx context.Context) error {
	// What the client library has to say of a watch that has served its purpose is of no use to anybody.
	klog.SetLogger(logr.Discard())
	client, err := connect()
	if err != nil {
		return err
	}
	return errors.Join(
		makeStorageClass(ctx, client),
		untilNodeReady(ctx, client),
		untilAccount(ctx, client),
	)
}

func makeStorageClass(ctx context.Context, client kubernetes.Interface) error {
	_, err := client.StorageV1().StorageClasses().Create(ctx, storageClass(), meta.CreateOptions{})
	if kubeerrors.IsAlreadyExists(err) {
		return nil
	}
	return err
}

// lock lets one `up` or `down` at a time work on this machine. It is held on a folder that is always there, so that
// nothing is left of it, and ends with the process.
func lock() (release func(), err error) {
	folder, err := os.Open("/run")
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(folder.Fd()), syscall.LOCK_EX); err != nil {
		return nil, errors.Join(fmt.Errorf("waiting for another start or stop: %w", err), folder.Close())
	}
	return func() { folder.Close() }, nil
}
