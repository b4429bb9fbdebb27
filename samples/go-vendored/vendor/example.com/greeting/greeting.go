// Package greeting stands for a module that only its owner's proxy has.
package greeting

// To greets somebody.
func To(name string) string {
	if name == "" {
		name = "world"
	}
	return "Hello, " + name
}
