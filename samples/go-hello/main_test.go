package main

import (
	"net/http/httptest"
	"testing"
)

func TestGreetsByName(t *testing.T) {
	response := httptest.NewRecorder()
	routes().ServeHTTP(response, httptest.NewRequest("GET", "/hello/gopher", nil))
	if got, want := response.Body.String(), "Hello, gopher\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
