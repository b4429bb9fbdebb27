import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { InputError } from "../../../lifecycle/errors.ts";
import { readPublishedPorts } from "../../../lifecycle/platform/run/published-port.ts";

function problems(...given: readonly string[]): readonly string[] {
  try {
    readPublishedPorts(given);
  } catch (error) {
    if (error instanceof InputError) return [error.code, ...error.issues.map(({ got }) => got)];
    throw error;
  }
  throw new Error("it was taken");
}

describe("--publish", () => {
  test.each([
    ["3000", undefined, 0, 3000],
    ["8080:3000", undefined, 8080, 3000],
    [":3000", undefined, 0, 3000],
    ["0:3000/tcp", undefined, 0, 3000],
    ["127.0.0.1:8080:3000", "127.0.0.1", 8080, 3000],
    ["127.0.0.1::3000", "127.0.0.1", 0, 3000],
    ["[::1]:8080:3000/tcp", "::1", 8080, 3000],
    ["[::1]::3000", "::1", 0, 3000],
  ])("%s", (text, address, host, container) => {
    expect(readPublishedPorts([text])).toEqual([{ address, host, container }]);
  });

  test.each([
    ...["", "web", "0", "65536", "80:", "80:0", "-1:80", "80:80/udp", "80:80/", "1-2:80", "80-81"],
    ...["localhost:80:80", "1.2.3:80:80", "::1:80:80", "[::1:80:80", "80:80:80:80", "8 0:80", "080000:80"],
  ])("refuses %j by what it is", (text) => {
    expect(problems("1:1", text)).toEqual(["INVALID_ARGUMENTS", JSON.stringify(text)]);
  });

  test("tells every problem, and a port of the machine that is asked for twice", () => {
    expect(problems("a", "b")).toEqual(["INVALID_ARGUMENTS", '"a"', '"b"']);
    expect(problems("80:1", "127.0.0.1:80:2")).toEqual(["INVALID_ARGUMENTS", "80"]);
    expect(readPublishedPorts(["127.0.0.1:80:1", "127.0.0.2:80:2", "0:1", "0:2"])).toHaveLength(4);
  });

  test("reads back what it is written as", () => {
    const port = fc.integer({ min: 1, max: 65535 });
    const address = fc.constantFrom("", "127.0.0.1:", "[fe80::1]:");
    fc.assert(
      fc.property(address, fc.option(port, { nil: undefined }), port, (ip, host, container) => {
        const text = `${ip}${host ?? ""}:${container}`;
        const read = readPublishedPorts([text])[0];
        expect([read?.address ?? "", read?.host, read?.container]).toEqual([
          ip.replace(/^\[?(.*?)\]?:$/, "$1"),
          host ?? 0,
          container,
        ]);
      }),
    );
  });
});
