#!/usr/bin/env bash
# A real Kubernetes of one node for the tests, on this machine.
#
#   tests/cluster/cluster.sh up                   start it, unless it runs; prints the administrator's kubeconfig
#   tests/cluster/cluster.sh down                 end it and remove everything of it
#   tests/cluster/cluster.sh status               say what runs, with process ids
#   tests/cluster/cluster.sh with COMMAND...      run a command beside it, and end it afterwards if it did not run before
#   tests/cluster/cluster.sh import IMAGE...      bring images of Podman's to its node
#   tests/cluster/cluster.sh credentials NS NAME  print a kubeconfig of a service account, good for a day
#   tests/cluster/cluster.sh simulate NUMBER      have so many nodes without a machine, for storms; 0 ends it
#   tests/cluster/cluster.sh kubectl ...          kubectl, as administrator of this cluster or by LAUNCHPAD_TEST_KUBECONFIG
#   tests/cluster/cluster.sh tool NAME            print where helm or kwok is, after building it if it is not there
#   tests/cluster/cluster.sh crds                 print the folders that hold the definitions of the kinds of others
#   tests/cluster/cluster.sh build                print where the program is, after building it if the sources changed
#   tests/cluster/cluster.sh check                hold the sources to Go's format and its warnings
#
# Packages are installed by tests/cluster/prepare.sh. The program is built once for each state of the sources, into
# $XDG_CACHE_HOME or ~/.cache; everything else of a running cluster lies in the two folders that layout.go names.
set -euo pipefail
shopt -s inherit_errexit
here=$(cd "$(dirname "$0")" && pwd)

kubernetes=1.33.13
state=/var/lib/launchpad-cluster
kubeconfig=$state/admin.kubeconfig
cache=${XDG_CACHE_HOME:-$HOME/.cache}/launchpad-cluster
# What is built beside it: Go keeps their checksums and refuses others.
helm=helm.sh/helm/v3/cmd/helm@v3.18.6
kwok=sigs.k8s.io/kwok/cmd/kwok@v0.8.0
# Whose kinds the manifests use: HTTPRoute and ServiceMonitor.
gateway_api=sigs.k8s.io/gateway-api@v1.4.1
prometheus_operator=github.com/prometheus-operator/prometheus-operator@v0.85.0
example_images=(localhost/launchpad/vnc-sidecar:1 localhost/launchpad/desktop:1 localhost/launchpad/web:1)

say() { printf '%s\n' "tests/cluster: $*" >&2; }
fail() { say "$*"; exit 1; }
as_root() { if [[ $(id -u) == 0 ]]; then "$@"; else sudo "$@"; fi; }

# What the program is made of, and so the name under which it is kept.
sources() { cd "$here" && sha256sum -- *.go go.mod go.sum | sha256sum | cut -c 1-16; }

build() {
    local folder
    folder=$cache/builds/$(sources)
    program=$folder/cluster
    # With its own answer: in the trap at the end, a plain return would answer what the command before the trap did.
    if [[ -x $program ]]; then return 0; fi
    mkdir -p "$folder"
    exec 8>"$cache/lock"
    flock 8
    if [[ ! -x $program ]]; then
        say 'building Kubernetes from its Go modules; the first time this takes several minutes'
        (cd "$here" && CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags "$(linker_flags)" -o "$program.new" .)
        mv "$program.new" "$program"
        forget_old_builds
    fi
    exec 8>&-
}

# Without these Kubernetes would say that it has no version, and clients would believe it.
linker_flags() {
    local package major=${kubernetes%%.*} minor=${kubernetes#*.}
    printf '%s' '-s -w'
    for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
        printf ' -X %s.%s' "$package" "gitVersion=v$kubernetes" "$package" "gitMajor=$major" \
            "$package" "gitMinor=${minor%%.*}"
    done
}

# A few are kept, for those who go to and fro between states of the sources; each is 140 MB.
forget_old_builds() {
    local old
    find "$cache/builds" -mindepth 1 -maxdepth 1 -type d -printf '%T@ %p\n' | sort -rn | tail -n +4 | cut -d ' ' -f 2- |
        while read -r old; do rm -r -- "$old"; done
}

tool() {
    local module=${!1-} folder
    [[ $1 =~ ^(helm|kwok)$ ]] || fail "there is no tool $1: helm or kwok"
    folder=$cache/tools/${module//\//-}
    if [[ ! -x $folder/$1 ]]; then
        say "building $module"
        CGO_ENABLED=0 GOBIN=$folder go install -trimpath -ldflags '-s -w' "$module" >&2
    fi
    printf '%s\n' "$folder/$1"
}

# Its module also holds the files by which simulated nodes and pods behave.
simulate() {
    local simulator module
    simulator=$(tool kwok)
    module=$(folder_of "sigs.k8s.io/kwok@${kwok##*@}")
    as_root "$program" simulate "$simulator" "$module/kustomize/stage" "$@"
}

crds() {
    printf '%s/config/crd/standard\n' "$(folder_of "$gateway_api")"
    printf '%s/example/prometheus-operator-crd\n' "$(folder_of "$prometheus_operator")"
}

folder_of() { go mod download -json "$1" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p'; }

up() {
    "$here/prepare.sh" >&2
    build
    as_root "$program" up
    import "${example_images[@]}"
    printf '%s\n' "$kubeconfig"
}

down() {
    build
    as_root "$program" down
}

# Podman keeps the images of everybody apart: those of whoever calls this are meant.
import() {
    local image id ids=() images=()
    for image in "$@"; do
        id=$(podman image inspect --format '{{.Id}}' "$image") || fail "Podman has no image $image: make images"
        [[ -e $state/imported/$id ]] && continue
        ids+=("$id")
        images+=("$image")
    done
    if [[ ${#images[@]} == 0 ]]; then return 0; fi
    say "bringing ${images[*]} to the node"
    podman save --quiet --format docker-archive --multi-image-archive "${images[@]}" |
        as_root "$program" import "${ids[@]}"
}

with() {
    if [[ -n ${LAUNCHPAD_TEST_KUBECONFIG:-} ]]; then
        say "using the cluster of $LAUNCHPAD_TEST_KUBECONFIG"
        exec "$@"
    fi
    build
    # Also where the start or the command fails, and where somebody interrupts them.
    "$program" status >/dev/null 2>&1 || trap down EXIT
    LAUNCHPAD_TEST_KUBECONFIG=$(up)
    export LAUNCHPAD_TEST_KUBECONFIG
    "$@"
}

check() {
    local unformatted
    cd "$here"
    unformatted=$(gofmt -l .)
    [[ -z $unformatted ]] || fail "gofmt would change $unformatted"
    go vet .
}

[[ $# -gt 0 ]] || fail 'say what to do: up, down, status, with, import, credentials, simulate, kubectl, tool, crds, build or check'
verb=$1
shift
case $verb in
    up | down | with) "$verb" "$@" ;;
    check) build && check ;;
    build) build && printf '%s\n' "$program" ;;
    import) build && import "$@" ;;
    status) build && "$program" status ;;
    credentials) build && as_root "$program" credentials "$@" ;;
    kubectl) build && KUBECONFIG=${LAUNCHPAD_TEST_KUBECONFIG:-$kubeconfig} "$program" kubectl "$@" ;;
    simulate) build && simulate "$@" ;;
    tool) tool "${1-}" ;;
    crds) crds ;;
    *) fail "there is no $verb: up, down, status, with, import, credentials, simulate, kubectl, tool, crds, build or check" ;;
esac
