// Command worker does something now and then, in the image of the server.
package main

import (
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	log.SetFlags(0)
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, os.Interrupt)
	ticks := time.NewTicker(time.Minute)
	log.Print("working")
	for {
		select {
		case <-ticks.C:
			log.Print("still working")
		case <-stop:
			log.Print("stopped")
			return
		}
	}
}
