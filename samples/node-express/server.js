"use strict";

require("dotenv").config({ quiet: true });
const { createApp } = require("./app.js");

const port = Number(process.env.PORT ?? 8080);
const server = createApp().listen(port, () => {
  console.log(`listening on port ${server.address().port}`);
});

// In an image this process is PID 1, which no signal ends by default.
for (const signal of ["SIGTERM", "SIGINT"]) {
  process.on(signal, () => {
    server.close(() => process.exit(0));
    server.closeAllConnections();
  });
}
