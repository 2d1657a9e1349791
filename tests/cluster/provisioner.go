package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"

	core "k8s.io/api/core/v1"
	storage "k8s.io/api/storage/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
	volumes "sigs.k8s.io/sig-storage-lib-external-provisioner/v10/controller"
)

const provisionerName = "launchpad.dev/local"

// storageClass makes claims behave as in production: a volume comes once a pod wants it, on that pod's node, and goes
// with its claim. Expansion is not among what a folder can do.
func storageClass() *storage.StorageClass {
	whenWanted, withClaim := storage.VolumeBindingWaitForFirstConsumer, core.PersistentVolumeReclaimDelete
	return &storage.StorageClass{
		ObjectMeta: meta.ObjectMeta{
			Name:        "local",
			Annotations: map[string]string{"storageclass.kubernetes.io/is-default-class": "true"},
		},
		Provisioner:       provisionerName,
		VolumeBindingMode: &whenWanted,
		ReclaimPolicy:     &withClaim,
	}
}

// local makes each volume a folder of the node. A `local` volume, unlike `hostPath`, heeds fsGroup.
type local struct{}

func (local) Provision(
	_ context.Context, wish volumes.ProvisionOptions,
) (*core.PersistentVolume, volumes.ProvisioningState, error) {
	if wish.SelectedNode == nil {
		return nil, volumes.ProvisioningFinished, errors.New("a local volume waits for the pod that wants it")
	}
	// Root's, as a fresh file system is: whoever may write there has been given it by fsGroup.
	folder := filepath.Join(volumesFolder, wish.PVName)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, volumes.ProvisioningFinished, err
	}
	return &core.PersistentVolume{
		ObjectMeta: meta.ObjectMeta{Name: wish.PVName},
		Spec: core.PersistentVolumeSpec{
			PersistentVolumeReclaimPolicy: *wish.StorageClass.ReclaimPolicy,
			AccessModes:                   wish.PVC.Spec.AccessModes,
			Capacity:                      wish.PVC.Spec.Resources.Requests,
			PersistentVolumeSource: core.PersistentVolumeSource{
				Local: &core.LocalVolumeSource{Path: folder},
			},
			NodeAffinity: on(wish.SelectedNode),
		},
	}, volumes.ProvisioningFinished, nil
}

func on(node *core.Node) *core.VolumeNodeAffinity {
	return &core.VolumeNodeAffinity{Required: &core.NodeSelector{
		NodeSelectorTerms: []core.NodeSelectorTerm{{
			MatchExpressions: []core.NodeSelectorRequirement{{
				Key:      core.LabelHostname,
				Operator: core.NodeSelectorOpIn,
				Values:   []string{node.Labels[core.LabelHostname]},
			}},
		}},
	}}
}

func (local) Delete(_ context.Context, volume *core.PersistentVolume) error {
	if volume.Spec.Local == nil || !strings.HasPrefix(volume.Spec.Local.Path, volumesFolder+"/") {
		return &volumes.IgnoredError{Reason: "not a folder of this provisioner"}
	}
	return os.RemoveAll(volume.Spec.Local.Path)
}

// runProvisioner makes and removes volumes until it is told to stop.
func runProvisioner(ctx context.Context, _ []string) error {
	settings, err := clientcmd.BuildConfigFromFlags("", inState("provisioner.kubeconfig"))
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(settings)
	if err != nil {
		return err
	}
	controller := volumes.NewProvisionController(
		klog.FromContext(ctx), client, provisionerName, local{}, volumes.LeaderElection(false),
	)
	controller.Run(ctx)
	return nil
}
