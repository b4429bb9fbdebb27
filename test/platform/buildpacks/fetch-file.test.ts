import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo, Server } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { fetchFile } from "../../../lifecycle/platform/buildpacks/fetch-file.ts";
import { makeCertificate } from "../../fakes/certificates.ts";
import { ctx, scratch } from "./module-fixture.ts";

const directory = scratch("fetch");
const { cert, key } = makeCertificate(directory, "server");
const plain = createServer((_, response) => response.end("plain"));
const secure = createSecureServer({ cert: readFileSync(cert), key: readFileSync(key) }, (request, response) => {
  if (request.url === "/down") return response.writeHead(302, { location: `${http}/x` }).end();
  if (request.url === "/moved") return response.writeHead(302, { location: "/x" }).end();
  return response.end("secure");
});
let [http, https] = ["", ""];

beforeAll(async () => {
  const port = async (server: Server): Promise<number> => {
    await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
    return (server.address() as AddressInfo).port;
  };
  http = `http://127.0.0.1:${await port(plain)}`;
  https = `https://127.0.0.1:${await port(secure)}`;
});
afterAll(() => {
  plain.close();
  secure.close();
});

const fetched = async (url: string): Promise<string> => {
  const file = join(directory, "file");
  await fetchFile(url, file, { caFile: cert }, ctx);
  return readFileSync(file, "utf8");
};

test("a buildpack that was asked for by https is taken from nowhere else", async () => {
  await expect(fetched(`${https}/down`)).rejects.toMatchObject({
    code: "DOWNLOAD_FAILED",
    message: expect.stringContaining("from https to http") as string,
  });
  expect(await fetched(`${https}/moved`)).toBe("secure");
  expect(await fetched(`${http}/x`)).toBe("plain");
});
