// Command server greets. Its module is in vendor, so that its build fetches none.
package main

import (
	"fmt"
	"log"
	"net/http"
	"os"

	"example.com/greeting"
)

func main() {
	log.SetFlags(0)
	port := os.Getenv("PORT")
	if port == "" {
		port = "8080"
	}
	http.HandleFunc("/", func(response http.ResponseWriter, request *http.Request) {
		fmt.Fprintf(response, "%s, from a vendored module\n", greeting.To(request.URL.Query().Get("name")))
	})
	log.Fatal(http.ListenAndServe(":"+port, nil))
}
