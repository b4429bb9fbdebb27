"use strict";

const compression = require("compression");
const express = require("express");
const helmet = require("helmet");
const morgan = require("morgan");
const { z } = require("zod");

const Name = z.string().min(1).max(40);

function createApp() {
  const app = express();
  app.disable("x-powered-by");
  app.use(helmet());
  app.use(compression());
  if (process.env.NODE_ENV !== "test") app.use(morgan("tiny"));

  app.get("/", (request, response) => {
    response.type("text/plain").send(`Hello from tspack and express: Node.js ${process.version}\n`);
  });

  app.get("/hello/:name", (request, response) => {
    const name = Name.safeParse(request.params.name);
    if (!name.success) {
      response.status(400).json({ error: "a name has 1 to 40 letters" });
      return;
    }
    response.json({ greeting: `Hello, ${name.data}`, environment: process.env.NODE_ENV ?? null });
  });

  return app;
}

module.exports = { createApp };
