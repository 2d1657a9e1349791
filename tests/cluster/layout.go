package main

import (
	"fmt"
	"os"
	"path/filepath"
)

// Everything that the cluster is lies in these two folders and goes with them.
const (
	// Database, images, volumes, keys, logs.
	stateFolder = "/var/lib/launchpad-cluster"
	// Sockets and process ids: gone with a reboot, like the processes.
	runFolder = "/run/launchpad-cluster"
)

const (
	nodeName = "node-1"
	// The bridge is the pods' network and, by its own address, the node.
	bridgeName   = "launchpad-node"
	nodeAddress  = "10.213.0.1"
	nodePrefix   = 20
	podRange     = "10.213.0.0/20"
	serviceRange = "10.214.0.0/20"
	// The first of the range is the API server's, by Kubernetes' own rule.
	apiService = "10.214.0.1"

	apiPort          = 16443
	etcdPort         = 12379
	etcdPeerPort     = 12380
	kubeletPort      = 16250
	kubeletHealth    = 16248
	proxyHealth      = 16256
	proxyMetrics     = 16249
	controllerHealth = 16257
	schedulerHealth  = 16259

	// Under every cgroup controller, so that what the node runs can be told from everything else.
	cgroup = "/launchpad-cluster"
)

var (
	containerdSocket = filepath.Join(runFolder, "containerd.sock")
	etcdEndpoint     = fmt.Sprintf("http://127.0.0.1:%d", etcdPort)
	apiEndpoint      = fmt.Sprintf("https://%s:%d", nodeAddress, apiPort)
	adminKubeconfig  = filepath.Join(stateFolder, "admin.kubeconfig")
	importedFolder   = filepath.Join(stateFolder, "imported")
	volumesFolder    = filepath.Join(stateFolder, "volumes")
	logFolder        = filepath.Join(stateFolder, "log")
)

func inState(elements ...string) string {
	return filepath.Join(append([]string{stateFolder}, elements...)...)
}

func inRun(elements ...string) string {
	return filepath.Join(append([]string{runFolder}, elements...)...)
}

func makeFolders() error {
	for _, folder := range []string{stateFolder, runFolder, volumesFolder, logFolder} {
		// The API server's database and keys lie here: nobody but root looks in. Volumes are mounted, not walked to.
		if err := os.MkdirAll(folder, 0o711); err != nil {
			return err
		}
	}
	return nil
}

// writeFile keeps a file of the cluster's that only root may read.
func writeFile(content string, path ...string) error {
	file := inState(path...)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	// What is as it should be is not touched: containerd reads its networks again at every write, also at half of one.
	if there, err := os.ReadFile(file); err == nil && string(there) == content {
		return nil
	}
	return os.WriteFile(file, []byte(content), 0o600)
}
