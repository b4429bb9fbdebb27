// Command helper is an exec.d program of the settings buildpack.
package main

import (
	"os"

	"github.com/paketo-buildpacks/libpak/sherpa"
)

type ofHelper struct{}

// Execute reads a variable of the build's layers and sets another.
func (ofHelper) Execute() (map[string]string, error) {
	return map[string]string{"OF_HELPER": "helped with " + os.Getenv("OF_SETTINGS")}, nil
}

func main() {
	sherpa.Execute(func() error {
		return sherpa.Helpers(map[string]sherpa.ExecD{"of-helper": ofHelper{}})
	})
}
