// Package kaniko has no extender: the one of the reference needs a module that is not to be had
// everywhere, and no test here extends an image.
package kaniko

import (
	"errors"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/buildpacks/lifecycle/internal/extend"
	"github.com/buildpacks/lifecycle/log"
)

var errAbsent = errors.New("this lifecycle was built without an extender")

// DockerfileApplier refuses everything.
type DockerfileApplier struct{}

// NewDockerfileApplier fails.
func NewDockerfileApplier() (*DockerfileApplier, error) { return nil, errAbsent }

// ImageFor fails.
func (*DockerfileApplier) ImageFor(string) (v1.Image, error) { return nil, errAbsent }

// Apply fails.
func (*DockerfileApplier) Apply(extend.Dockerfile, v1.Image, extend.Options, log.Logger) (v1.Image, error) {
	return nil, errAbsent
}

// Cleanup has nothing to do.
func (*DockerfileApplier) Cleanup() error { return nil }
