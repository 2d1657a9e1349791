package main

import "fmt"

// The name of the image that holds a pod's network open, which is built here: no registry is asked.
const pauseImage = "localhost/launchpad/pause:1"

const podNetworkName = "launchpad-cluster"

// configureNode writes what containerd, the pods' network and the kubelet read.
func configureNode() error {
	if err := writeFile(containerdSettings(), "containerd.toml"); err != nil {
		return err
	}
	if err := writeFile(podNetwork(), "cni", "10-launchpad.conflist"); err != nil {
		return err
	}
	return writeFile(kubeletSettings(), "kubelet.yaml")
}

// A containerd of our own: its folders, its socket, its images. The machine's is left alone.
func containerdSettings() string {
	return fmt.Sprintf(`version = 2
root = %q
state = %q

[grpc]
  address = %q

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = %q
  # In a container or a small machine these may be missing or not ours to change.
  restrict_oom_score_adj = true
  disable_apparmor = true
  disable_hugetlb_controller = true
  tolerate_missing_hugetlb_controller = true
  # So that the pods' networks are found and removed with the rest.
  netns_mounts_under_state_dir = true
  stream_server_address = "127.0.0.1"

  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = %q

  [plugins."io.containerd.grpc.v1.cri".containerd]
    default_runtime_name = "runc"

    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
`, inState("containerd"), inRun("containerd"), containerdSocket, pauseImage, inState("cni"))
}

func podNetwork() string {
	return fmt.Sprintf(`{
  "cniVersion": "0.4.0",
  "name": %q,
  "plugins": [{
    "type": "bridge",
    "bridge": %q,
    "isGateway": true,
    "ipMasq": false,
    "hairpinMode": true,
    "ipam": {
      "type": "host-local",
      "dataDir": %q,
      "ranges": [[{"subnet": %q, "gateway": %q}]],
      "routes": [{"dst": "0.0.0.0/0"}]
    }
  }]
}
`, podNetworkName, bridgeName, inRun("addresses"), podRange, nodeAddress)
}

// Limits, controllers and thresholds that a shared or nested machine may not have are given up; nothing about pods is.
func kubeletSettings() string {
	return fmt.Sprintf(`apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: %s
port: %d
healthzBindAddress: 127.0.0.1
healthzPort: %d
authentication:
  anonymous:
    enabled: false
  webhook:
    enabled: true
  x509:
    clientCAFile: %s
authorization:
  mode: Webhook
tlsCertFile: %s
tlsPrivateKeyFile: %s
containerRuntimeEndpoint: unix://%s
cgroupDriver: cgroupfs
cgroupRoot: %s
failCgroupV1: false
failSwapOn: false
oomScoreAdj: 0
enforceNodeAllocatable: []
podLogsDir: %s
volumePluginDir: %s
maxPods: 250
kubeAPIQPS: 200
kubeAPIBurst: 400
# Images are imported, so that none that is thrown away comes back.
imageGCHighThresholdPercent: 100
evictionHard:
  memory.available: 100Mi
  nodefs.available: 1Gi
  imagefs.available: 1Gi
`,
		nodeAddress, kubeletPort, kubeletHealth,
		inState("keys", "ca.crt"), inState("keys", "kubelet.crt"), inState("keys", "kubelet.key"),
		containerdSocket, cgroup, inState("pod-logs"), inState("volume-plugins"))
}
