"use strict";

const { test } = require("node:test");
const request = require("supertest");
const { createApp } = require("../app.js");

test("greets by name", async () => {
  await request(createApp()).get("/hello/Ada").expect(200).expect(/Hello, Ada/);
});

test("refuses a name that is too long", async () => {
  await request(createApp()).get(`/hello/${"a".repeat(41)}`).expect(400);
});
