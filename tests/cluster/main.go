// Command cluster is a whole Kubernetes for tests, on one machine: etcd, the control plane and a node, each a process of
// its own and all of them this one program. Its first argument says which, or is one of the verbs that run the whole.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/restclient"
	_ "k8s.io/component-base/metrics/prometheus/version"
	kubectl "k8s.io/kubectl/pkg/cmd"
	"k8s.io/kubectl/pkg/cmd/util"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllers "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	proxy "k8s.io/kubernetes/cmd/kube-proxy/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"
)

// What Kubernetes ships as programs of their own.
var programs = map[string]func() *cobra.Command{
	"kube-apiserver":          apiserver.NewAPIServerCommand,
	"kube-controller-manager": controllers.NewControllerManagerCommand,
	"kube-scheduler":          func() *cobra.Command { return scheduler.NewSchedulerCommand() },
	"kubelet":                 kubelet.NewKubeletCommand,
	"kube-proxy":              proxy.NewProxyCommand,
}

// What is ours: the verbs, and the two parts that have no program of their own.
var verbs = map[string]func(ctx context.Context, arguments []string) error{
	"up":          up,
	"down":        down,
	"status":      status,
	"credentials": printCredentials,
	"simulate":    simulate,
	"import":      importImages,
	"etcd":        runEtcd,
	"provisioner": runProvisioner,
}

func main() {
	if len(os.Args) < 2 {
		fail(fmt.Errorf("say what to do: %s", known()))
	}
	name := os.Args[1]
	os.Args = os.Args[1:]
	if name == "kubectl" {
		if err := cli.RunNoErrOutput(kubectl.NewDefaultKubectlCommand()); err != nil {
			util.CheckErr(err)
		}
		return
	}
	if program, ok := programs[name]; ok {
		os.Exit(cli.Run(program()))
	}
	verb, ok := verbs[name]
	if !ok {
		fail(fmt.Errorf("there is no %q; there is %s", name, known()))
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := verb(ctx, os.Args[1:]); err != nil {
		fail(err)
	}
}

func known() string {
	names := []string{"kubectl"}
	for name := range verbs {
		names = append(names, name)
	}
	for name := range programs {
		names = append(names, name)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

func say(format string, arguments ...any) {
	fmt.Fprintf(os.Stderr, "cluster: "+format+"\n", arguments...)
}

func fail(err error) {
	say("%v", err)
	os.Exit(1)
}
