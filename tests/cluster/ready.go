package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
	watches "k8s.io/client-go/tools/watch"
)

// How long the whole may take to be ready, on a machine that has other work too.
const readyWithin = 2 * time.Minute

// untilHealthy waits until a part says that it is well, and no longer than it lives.
func untilHealthy(ctx context.Context, of part) error {
	client, err := healthClient(of)
	if err != nil || client == nil {
		return err
	}
	alive := true
	err = until(ctx, readyWithin, func() bool {
		_, alive = running(of.name)
		return !alive || healthy(ctx, client, of.health)
	})
	if !alive {
		return diedEarly(of.name)
	}
	if err != nil {
		return fmt.Errorf("%s is not well; the end of %s says:\n%s", of.name, logFile(of.name), tail(logFile(of.name)))
	}
	return nil
}

func healthClient(of part) (*http.Client, error) {
	switch of.name {
	case "kube-apiserver":
		settings, err := clientcmd.BuildConfigFromFlags("", adminKubeconfig)
		if err != nil {
			return nil, err
		}
		return rest.HTTPClientFor(settings)
	default:
		if of.health == "" {
			return nil, nil
		}
		// On loopback, with certificates that these programs make for themselves.
		return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}, nil
	}
}

func healthy(ctx context.Context, client *http.Client, address string) bool {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return false
	}
	answer, err := client.Do(request)
	if err != nil {
		return false
	}
	return errors.Join(answer.Body.Close()) == nil && answer.StatusCode == http.StatusOK
}

// untilSocket waits until containerd listens: it says so by nothing else. The socket of one that was killed is there too.
func untilSocket(ctx context.Context) error {
	return until(ctx, readyWithin, func() bool {
		connection, err := net.Dial("unix", containerdSocket)
		if err != nil {
			return false
		}
		return connection.Close() == nil
	})
}

// untilNodeReady watches the node until the scheduler may send pods there.
func untilNodeReady(ctx context.Context, client kubernetes.Interface) error {
	nodes := cache.NewListWatchFromClient(
		client.CoreV1().RESTClient(), "nodes", "", fields.OneTermEqualSelector("metadata.name", nodeName))
	err := watchUntil(ctx, nodes, &core.Node{}, func(event watch.Event) (bool, error) {
		node, ok := event.Object.(*core.Node)
		return ok && event.Type != watch.Deleted && isReady(node) && len(node.Spec.Taints) == 0, nil
	})
	if err != nil {
		return fmt.Errorf("the node is not ready (%w); the end of %s says:\n%s", err, logFile("kubelet"), tail(logFile("kubelet")))
	}
	return nil
}

// untilAccount watches for the account without which no pod is let into the namespace `default`.
func untilAccount(ctx context.Context, client kubernetes.Interface) error {
	accounts := cache.NewListWatchFromClient(
		client.CoreV1().RESTClient(), "serviceaccounts", meta.NamespaceDefault,
		fields.OneTermEqualSelector("metadata.name", "default"))
	return watchUntil(ctx, accounts, &core.ServiceAccount{}, func(event watch.Event) (bool, error) {
		return event.Type == watch.Added || event.Type == watch.Modified, nil
	})
}

func watchUntil(ctx context.Context, of cache.ListerWatcher, kind runtime.Object, holds watches.ConditionFunc) error {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	_, err := watches.UntilWithSync(ctx, of, kind, nil, holds)
	return err
}

func isReady(node *core.Node) bool {
	for _, condition := range node.Status.Conditions {
		if condition.Type == core.NodeReady {
			return condition.Status == core.ConditionTrue
		}
	}
	return false
}
