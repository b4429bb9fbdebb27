import Router from "@koa/router";
import Koa from "koa";

const router = new Router();

router.get("/", (context) => {
  context.body = `Hello from Yarn and Koa: Node.js ${process.version}\n`;
});

const server = new Koa().use(router.routes()).listen(Number(process.env["PORT"] ?? 8080));
process.on("SIGTERM", () => server.close());
