package com.example.demo;

import java.util.List;

import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.RestController;

@RestController
public class GreetingController {

	public record Greeting(String text, List<String> languages) {
	}

	@GetMapping("/greeting")
	public Greeting greeting(@RequestParam(defaultValue = "world") String name) {
		return new Greeting("Hello, " + name, List.of("Java " + Runtime.version().feature()));
	}

}
