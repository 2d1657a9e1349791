package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"

	"github.com/go-logr/logr"
	core "k8s.io/api/core/v1"
	kubeerrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"
)

// The program that plays the kubelets of simulated nodes.
const simulator = "kwok"

// On every simulated node, as label and as taint: only pods that are sent there go there.
const simulated = "launchpad.dev/simulated"

// How they behave, by files of the simulator's own: all goes well, and at once.
var behaviour = []string{
	"node/fast/node-initialize.yaml",
	"node/heartbeat-with-lease/node-heartbeat-with-lease.yaml",
	"pod/fast/pod-ready.yaml",
	"pod/fast/pod-complete.yaml",
	"pod/fast/pod-delete.yaml",
}

// simulate adds nodes that have no machine: their pods run and are ready at once, and do nothing. For storms.
//
// Whatever is created in a namespace with these annotations goes there, without knowing it:
//
//	scheduler.alpha.kubernetes.io/node-selector: launchpad.dev/simulated=true
//	scheduler.alpha.kubernetes.io/defaultTolerations: '[{"key": "launchpad.dev/simulated", "operator": "Exists"}]'
func simulate(ctx context.Context, arguments []string) error {
	if len(arguments) != 3 {
		return errors.New("simulate wants the program kwok, the folder of its stages and a number of nodes")
	}
	program, stages := arguments[0], arguments[1]
	count, err := strconv.Atoi(arguments[2])
	if err != nil || count < 0 || count > 5000 {
		return errors.New("simulate wants 0 to 5000 nodes")
	}
	release, err := lock()
	if err != nil {
		return err
	}
	defer release()
	client, err := connect()
	if err != nil {
		return err
	}
	if count == 0 {
		return removeNodes(ctx, client)
	}
	for number := range count {
		if err := addNode(ctx, client, fmt.Sprintf("simulated-%d", number)); err != nil {
			return err
		}
	}
	if _, ok := running(simulator); ok {
		return nil
	}
	command := []string{
		program,
		"--kubeconfig=" + inState("admin.kubeconfig"),
		"--manage-all-nodes=false",
		"--manage-nodes-with-label-selector=" + simulated + "=true",
		"--node-lease-duration-seconds=40",
	}
	for _, stage := range behaviour {
		command = append(command, "--config="+filepath.Join(stages, stage))
	}
	if err := start(simulator, command...); err != nil {
		return err
	}
	return untilAllReady(ctx, client, count)
}

func removeNodes(ctx context.Context, client kubernetes.Interface) error {
	which := meta.ListOptions{LabelSelector: simulated + "=true"}
	err := client.CoreV1().Nodes().DeleteCollection(ctx, meta.DeleteOptions{}, which)
	return errors.Join(err, stop(ctx, simulator))
}

// untilAllReady watches until so many simulated nodes take pods.
func untilAllReady(ctx context.Context, client kubernetes.Interface, count int) error {
	klog.SetLogger(logr.Discard())
	ready := map[string]bool{}
	nodes := cache.NewFilteredListWatchFromClient(client.CoreV1().RESTClient(), "nodes", "",
		func(options *meta.ListOptions) { options.LabelSelector = simulated + "=true" })
	err := watchUntil(ctx, nodes, &core.Node{}, func(event watch.Event) (bool, error) {
		if node, ok := event.Object.(*core.Node); ok && isReady(node) {
			ready[node.Name] = true
		}
		return len(ready) >= count, nil
	})
	if err != nil {
		return fmt.Errorf("%d of %d nodes are ready; the end of %s says:\n%s",
			len(ready), count, logFile(simulator), tail(logFile(simulator)))
	}
	return nil
}

func addNode(ctx context.Context, client kubernetes.Interface, name string) error {
	size := core.ResourceList{
		core.ResourceCPU:              resource.MustParse("64"),
		core.ResourceMemory:           resource.MustParse("256Gi"),
		core.ResourceEphemeralStorage: resource.MustParse("10Ti"),
		core.ResourcePods:             resource.MustParse("250"),
	}
	node := &core.Node{
		ObjectMeta: meta.ObjectMeta{
			Name:   name,
			Labels: map[string]string{core.LabelHostname: name, simulated: "true"},
		},
		Spec: core.NodeSpec{
			Taints: []core.Taint{{Key: simulated, Value: "true", Effect: core.TaintEffectNoSchedule}},
		},
		Status: core.NodeStatus{Capacity: size, Allocatable: size},
	}
	_, err := client.CoreV1().Nodes().Create(ctx, node, meta.CreateOptions{})
	if kubeerrors.IsAlreadyExists(err) {
		return nil
	}
	return err
}
