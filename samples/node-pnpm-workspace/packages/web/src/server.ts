import { greeting } from "@sample/greeting";
import fastify from "fastify";

const app = fastify();

app.get("/", (_request, reply) => reply.type("text/plain").send(greeting(process.uptime())));

await app.listen({ host: "0.0.0.0", port: Number(process.env["PORT"] ?? 8080) });
process.on("SIGTERM", () => void app.close());
