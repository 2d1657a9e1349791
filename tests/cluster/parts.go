package main

import (
	"fmt"
	"os"
)

// A part is one process of the cluster.
type part struct {
	name    string
	command []string
	// Where it says that it is well; some have no such place and are seen by what they do.
	health string
}

// parts lists the processes in the order in which they are started; each needs those before it.
func parts() ([]part, error) {
	ourselves, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return []part{
		{
			name:    "etcd",
			command: []string{ourselves, "etcd"},
			health:  etcdEndpoint + "/health",
		},
		{
			name:    "kube-apiserver",
			command: append([]string{ourselves, "kube-apiserver"}, apiServerFlags()...),
			health:  apiEndpoint + "/readyz",
		},
		{
			name:    "kube-controller-manager",
			command: append([]string{ourselves, "kube-controller-manager"}, controllerFlags()...),
			health:  loopbackHealth("https", controllerHealth),
		},
		{
			name:    "kube-scheduler",
			command: append([]string{ourselves, "kube-scheduler"}, schedulerFlags()...),
			health:  loopbackHealth("https", schedulerHealth),
		},
		{
			name:    "containerd",
			command: []string{"containerd", "--config", inState("containerd.toml")},
		},
		{
			name:    "kubelet",
			command: append([]string{ourselves, "kubelet"}, kubeletFlags()...),
			health:  loopbackHealth("http", kubeletHealth),
		},
		{
			name:    "kube-proxy",
			command: append([]string{ourselves, "kube-proxy"}, proxyFlags()...),
			health:  loopbackHealth("http", proxyHealth),
		},
		{
			name:    "provisioner",
			command: []string{ourselves, "provisioner"},
		},
	}, nil
}

func loopbackHealth(scheme string, port int) string {
	return fmt.Sprintf("%s://127.0.0.1:%d/healthz", scheme, port)
}

func apiServerFlags() []string {
	return []string{
		"--etcd-servers=" + etcdEndpoint,
		"--bind-address=" + nodeAddress,
		"--advertise-address=" + nodeAddress,
		fmt.Sprintf("--secure-port=%d", apiPort),
		"--service-cluster-ip-range=" + serviceRange,
		"--client-ca-file=" + inState("keys", "ca.crt"),
		"--tls-cert-file=" + inState("keys", "apiserver.crt"),
		"--tls-private-key-file=" + inState("keys", "apiserver.key"),
		"--kubelet-certificate-authority=" + inState("keys", "ca.crt"),
		"--kubelet-client-certificate=" + inState("keys", "to-kubelet.crt"),
		"--kubelet-client-key=" + inState("keys", "to-kubelet.key"),
		"--kubelet-preferred-address-types=InternalIP",
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=" + inState("keys", "service-accounts.key"),
		"--service-account-signing-key-file=" + inState("keys", "service-accounts.key"),
		"--authorization-mode=Node,RBAC",
		// The last two send what is created in some namespaces to simulated nodes.
		"--enable-admission-plugins=NodeRestriction,PodNodeSelector,PodTolerationRestriction",
		// No node of ours has more: a storm is held up by the machine, not by a rule.
		"--max-requests-inflight=1600",
		"--max-mutating-requests-inflight=800",
	}
}

func controllerFlags() []string {
	return []string{
		"--kubeconfig=" + inState("kube-controller-manager.kubeconfig"),
		"--bind-address=127.0.0.1",
		fmt.Sprintf("--secure-port=%d", controllerHealth),
		"--leader-elect=false",
		"--use-service-account-credentials=true",
		"--root-ca-file=" + inState("keys", "ca.crt"),
		"--service-account-private-key-file=" + inState("keys", "service-accounts.key"),
		"--flex-volume-plugin-dir=" + inState("volume-plugins"),
		"--kube-api-qps=200",
		"--kube-api-burst=400",
	}
}

func schedulerFlags() []string {
	return []string{
		"--kubeconfig=" + inState("kube-scheduler.kubeconfig"),
		"--bind-address=127.0.0.1",
		fmt.Sprintf("--secure-port=%d", schedulerHealth),
		"--leader-elect=false",
		"--kube-api-qps=1000",
		"--kube-api-burst=2000",
	}
}

func kubeletFlags() []string {
	return []string{
		"--config=" + inState("kubelet.yaml"),
		"--kubeconfig=" + inState("kubelet.kubeconfig"),
		"--hostname-override=" + nodeName,
		"--node-ip=" + nodeAddress,
		"--root-dir=" + inState("kubelet"),
		"--cert-dir=" + inState("kubelet", "pki"),
	}
}

func proxyFlags() []string {
	return []string{
		"--kubeconfig=" + inState("kube-proxy.kubeconfig"),
		"--hostname-override=" + nodeName,
		"--proxy-mode=iptables",
		"--cluster-cidr=" + podRange,
		// Pods share one bridge: an answer that took the short way past these rules would come from the wrong address.
		"--masquerade-all=true",
		"--iptables-localhost-nodeports=false",
		// The kernel's table of connections is the machine's, and may not be ours to change.
		"--conntrack-max-per-core=0",
		"--conntrack-min=0",
		"--conntrack-tcp-timeout-established=0",
		"--conntrack-tcp-timeout-close-wait=0",
		fmt.Sprintf("--metrics-bind-address=127.0.0.1:%d", proxyMetrics),
		fmt.Sprintf("--healthz-bind-address=127.0.0.1:%d", proxyHealth),
	}
}
