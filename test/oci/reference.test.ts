import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { InputError } from "../../lifecycle/errors.ts";
import { maybeReference, parseReference, refName, repositoryName } from "../../lifecycle/oci/reference.ts";

const digest = `sha256:${"ab".repeat(32)}`;

describe("parseReference", () => {
  test.each([
    ["debian", "index.docker.io", "library/debian", "latest", undefined],
    ["docker.io/debian:12", "index.docker.io", "library/debian", "12", undefined],
    ["a/b", "index.docker.io", "a/b", "latest", undefined],
    ["localhost/a", "localhost", "a", "latest", undefined],
    ["localhost:5000/a/b-c:v1.2_x", "localhost:5000", "a/b-c", "v1.2_x", undefined],
    ["localhost:5000", "index.docker.io", "library/localhost", "5000", undefined],
    ["[::1]:5000/a", "[::1]:5000", "a", "latest", undefined],
    [`example.org/a@${digest}`, "example.org", "a", undefined, digest],
    [`example.org:80/a:t@${digest}`, "example.org:80", "a", "t", digest],
  ])("reads %s", (text, registry, repository, tag, wanted) => {
    expect(parseReference(text)).toEqual({ registry, repository, tag, digest: wanted, original: text });
  });

  test.each([
    "",
    "a b",
    "example.org/",
    "a:",
    "a@sha256:12",
    "a//b",
    "-a",
    "example.org/a:" + "x".repeat(129),
    "../a",
    "exa_mple.org:x/a",
  ])("refuses %j", (text) => {
    expect(() => parseReference(text)).toThrowError(expect.objectContaining({ code: "INVALID_REFERENCE" }));
  });

  test("suggests lower case for a repository in upper case, and keeps the tag", () => {
    const error = caught(() => parseReference("localhost:5000/MyApp:V1"));
    expect(error).toBeInstanceOf(InputError);
    expect(error).toMatchObject({ code: "INVALID_REFERENCE", hint: 'use "localhost:5000/myapp:V1"' });
  });

  test("suggests lower case for a name on Docker Hub without library", () => {
    expect(caught(() => parseReference("MyApp"))).toMatchObject({ hint: 'use "myapp"' });
  });

  test("a printed name reads as the same image", () => {
    const part = fc.stringMatching(/^[a-z0-9]{1,8}(-[a-z0-9]{1,4})?$/);
    const name = fc.record({
      registry: fc.constantFrom("", "localhost/", "host:5000/", "a.example/"),
      parts: fc.array(part, { minLength: 1, maxLength: 3 }),
      suffix: fc.constantFrom("", ":v1", `@${digest}`),
    });
    fc.assert(
      fc.property(name, ({ registry, parts, suffix }) => {
        const ref = parseReference(registry + parts.join("/") + suffix);
        const again = parseReference(refName(ref));
        expect({ ...again, original: "" }).toEqual({ ...ref, original: "" });
      }),
    );
  });
});

test("refName prints the digest and not the tag when both are there", () => {
  expect(refName(parseReference(`debian:12@${digest}`))).toBe(`index.docker.io/library/debian@${digest}`);
  expect(repositoryName(parseReference("debian"))).toBe("index.docker.io/library/debian");
});

test("a text that is no reference is none", () => {
  expect(maybeReference("Not A Reference")).toBeUndefined();
  expect(maybeReference("a")?.repository).toBe("library/a");
});

function caught(action: () => unknown): unknown {
  try {
    return action();
  } catch (error) {
    return error;
  }
}
