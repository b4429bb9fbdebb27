// Command main is bin/detect and bin/build of two buildpacks for tests, made with the libraries
// that Paketo's buildpacks are made with: what those do with the specification is tested, not this.
package main

import (
	"os"
	"path/filepath"

	"github.com/buildpacks/libcnb"
	"github.com/paketo-buildpacks/libpak"
	"github.com/paketo-buildpacks/libpak/bard"
	"github.com/paketo-buildpacks/libpak/bindings"
	"github.com/paketo-buildpacks/libpak/sherpa"
)

const settings = "third-party/settings"

type detect struct{}

// Detect lets the settings provide what the labels require.
func (detect) Detect(context libcnb.DetectContext) (libcnb.DetectResult, error) {
	plan := libcnb.BuildPlan{Requires: []libcnb.BuildPlanRequire{{
		Name:     "settings",
		Metadata: map[string]interface{}{"version": "1.*", "launch": true},
	}}}
	if context.Buildpack.Info.ID == settings {
		found, err := sherpa.FileExists(filepath.Join(context.Application.Path, "settings"))
		if err != nil || !found {
			return libcnb.DetectResult{}, err
		}
		plan = libcnb.BuildPlan{Provides: []libcnb.BuildPlanProvide{{Name: "settings"}}}
	}
	return libcnb.DetectResult{Pass: true, Plans: []libcnb.BuildPlan{plan}}, nil
}

type build struct {
	logger bard.Logger
}

// Build makes the layers of the one buildpack or of the other.
func (b build) Build(context libcnb.BuildContext) (libcnb.BuildResult, error) {
	b.logger.Title(context.Buildpack)
	result := libcnb.NewBuildResult()
	if context.Buildpack.Info.ID == settings {
		return b.settings(context, result)
	}
	resolver, err := libpak.NewConfigurationResolver(context.Buildpack, &b.logger)
	if err != nil {
		return libcnb.BuildResult{}, err
	}
	title, _ := resolver.Resolve("BP_TITLE")
	// The variable of the other buildpack's layer.
	result.Labels = append(result.Labels,
		libcnb.Label{Key: "title", Value: title},
		libcnb.Label{Key: "from.settings", Value: os.Getenv("OF_SETTINGS")})
	result.Slices = append(result.Slices, libcnb.Slice{Paths: []string{"static/*"}})
	return result, nil
}

func (b build) settings(context libcnb.BuildContext, result libcnb.BuildResult) (libcnb.BuildResult, error) {
	binding, found, err := bindings.ResolveOne(context.Platform.Bindings, bindings.OfType("settings"))
	if err != nil {
		return libcnb.BuildResult{}, err
	}
	secret := "no binding"
	if found {
		secret = binding.Secret["value"]
	}
	helper := libpak.NewHelperLayerContributor(context.Buildpack, "of-helper")
	helper.Logger = b.logger
	result.Layers = append(result.Layers, helper, layer{secret: secret, logger: b.logger})
	result.Processes = append(result.Processes,
		libcnb.Process{Type: "web", Command: "env", Direct: true, Default: true},
		libcnb.Process{Type: "shell", Command: "echo $OF_HELPER $OF_SETTINGS"})
	result.PersistentMetadata = map[string]interface{}{"builds": int64(1)}
	return result, nil
}

type layer struct {
	secret string
	logger bard.Logger
}

// Name is that of the layer.
func (layer) Name() string { return "settings" }

// Contribute makes the layer anew unless its metadata was restored as it is now.
func (l layer) Contribute(layer libcnb.Layer) (libcnb.Layer, error) {
	// Not a number: it comes back through a label, and there 3 is 3.0.
	metadata := map[string]interface{}{"secret": l.secret, "list": []string{"a", "b"}}
	contributor := libpak.NewLayerContributor("Settings", metadata, libcnb.LayerTypes{Build: true, Cache: true, Launch: true})
	contributor.Logger = l.logger
	return contributor.Contribute(layer, func() (libcnb.Layer, error) {
		layer.SharedEnvironment.Override("OF_SETTINGS", l.secret)
		layer.LaunchEnvironment.Append("PATH", ":", "/of/launch")
		layer.LaunchEnvironment.ProcessDefault("web", "OF_WEB", "yes")
		layer.BuildEnvironment.Default("OF_BUILD", "yes")
		return layer, os.WriteFile(filepath.Join(layer.Path, "file"), []byte(l.secret), 0o644)
	})
}

func main() {
	libpak.Main(detect{}, build{logger: bard.NewLogger(os.Stdout)})
}
