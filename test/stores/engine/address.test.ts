import { describe, expect, test } from "vitest";
import { addressName, parseEngineHost } from "../../../lifecycle/stores/engine/address.ts";

describe("the address of an engine", () => {
  test.each([
    ["unix:///var/run/docker.sock", { kind: "unix", path: "/var/run/docker.sock" }],
    ["tcp://127.0.0.1:2375", { kind: "tcp", host: "127.0.0.1:2375", tls: undefined }],
    ["tcp://[::1]:2375", { kind: "tcp", host: "[::1]:2375", tls: undefined }],
    ["https://engine.test:2376/", { kind: "tcp", host: "engine.test:2376", tls: { verify: true } }],
  ])("%s", (text, address) => {
    expect(parseEngineHost(text)).toEqual(address);
  });

  test("certificates make it one over TLS", () => {
    const tls = { ca: "ca", cert: "cert", key: "key", verify: false };
    expect(parseEngineHost("tcp://engine.test:2376", tls)).toEqual({ kind: "tcp", host: "engine.test:2376", tls });
  });

  test.each([
    "",
    "/var/run/docker.sock",
    "unix://relative",
    "tcp://engine.test",
    "npipe:////./pipe/docker",
    "ssh://me@host",
  ])("%j is INVALID_ENV, and the hint says what works", (text) => {
    expect(() => parseEngineHost(text)).toThrow(expect.objectContaining({ code: "INVALID_ENV" }) as Error);
  });

  test("a password in an address that can not be used is not shown", () => {
    try {
      parseEngineHost("tcp://me:secret@engine.test:1");
      expect.unreachable();
    } catch (error) {
      expect(JSON.stringify(error)).not.toContain("secret");
      expect((error as { readonly issues: unknown }).issues).toMatchObject([{ got: '"tcp://***@engine.test:1"' }]);
    }
  });

  test("is named as it was given", () => {
    for (const text of ["unix:///a/docker.sock", "tcp://engine.test:1"])
      expect(addressName(parseEngineHost(text))).toBe(text);
  });
});
