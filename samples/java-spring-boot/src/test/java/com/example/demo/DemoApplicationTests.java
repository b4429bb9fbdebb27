package com.example.demo;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class DemoApplicationTests {

	@Test
	void greets() {
		assertEquals("Hello, you", new GreetingController().greeting("you").text());
	}

}
