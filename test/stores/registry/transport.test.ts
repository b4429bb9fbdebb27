import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseChallenges } from "../../../lifecycle/stores/registry/challenge.ts";
import { streamCursor } from "../../../lifecycle/stores/registry/cursor.ts";
import type { HttpRequest } from "../../../lifecycle/stores/registry/http.ts";
import { proxyFor } from "../../../lifecycle/stores/registry/proxy.ts";
import { redirecting } from "../../../lifecycle/stores/registry/redirect.ts";
import { connectionError, redactUrl } from "../../../lifecycle/stores/registry/remote-error.ts";
import { pause, retryAfter, retrying } from "../../../lifecycle/stores/registry/retry.ts";
import { slots } from "../../../lifecycle/oci/slots.ts";

describe("challenges", () => {
  test.each([
    ['Basic realm="x"', [{ scheme: "basic", parameters: { realm: "x" } }]],
    [
      'Bearer realm="https://a/t",service="s",scope="repository:a:pull,push"',
      [
        {
          scheme: "bearer",
          parameters: { realm: "https://a/t", service: "s", scope: "repository:a:pull,push" },
        },
      ],
    ],
    [
      'Negotiate, Basic realm="a, \\"b\\"", Bearer realm=r',
      [
        { scheme: "negotiate", parameters: {} },
        { scheme: "basic", parameters: { realm: 'a, "b"' } },
        { scheme: "bearer", parameters: { realm: "r" } },
      ],
    ],
    ["", []],
  ])("of %j are read", (header, expected) => {
    expect(parseChallenges(header)).toEqual(expected);
  });

  test("of any header are read without an end or an exception", () => {
    fc.assert(fc.property(fc.string(), (header) => Array.isArray(parseChallenges(header))));
  });

  test.each(["a".repeat(64 * 1024), `Basic ${'a"'.repeat(32 * 1024)}`, `Basic a${" ".repeat(64 * 1024)}b`])(
    "of a very long header take no time",
    (header) => {
      const start = performance.now();
      parseChallenges(`${header}"`);
      expect(performance.now() - start).toBeLessThan(500);
    },
  );
});

describe("a proxy", () => {
  const proxies = { http: "http://p:1", https: "p:2" };
  test.each([
    ["http://registry.test/", "", "http://p:1"],
    ["https://registry.test/", "", "http://p:2"],
    ["https://localhost:5000/", "", undefined],
    ["https://a.localhost/", "", undefined],
    ["http://127.3.2.1/", "", undefined],
    ["http://[::1]:5000/", "", undefined],
    ["https://registry.test/", "registry.test", undefined],
    ["https://a.registry.test/", "registry.test", undefined],
    ["https://aregistry.test/", "registry.test", "http://p:2"],
    ["https://a.registry.test/", "x, .registry.test", undefined],
    ["https://registry.test:8443/", "registry.test:443", "http://p:2"],
    ["https://registry.test/", "registry.test:443", undefined],
    ["https://10.2.3.4/", "10.0.0.0/8", undefined],
    ["https://11.2.3.4/", "10.0.0.0/8", "http://p:2"],
    ["https://[fd00::1]/", "fd00::/8", undefined],
    ["https://10.2.3.4/", "10.0.0.0/99", "http://p:2"],
    ["https://registry.test/", "*", undefined],
  ])("for %s with NO_PROXY %j is %s", (url, no, expected) => {
    expect(proxyFor(new URL(url), { ...proxies, no })).toBe(expected);
  });
});

/** A redirecting dispatch over answers that lead to these locations, one after the other, and the requests it made. */
const answers = (...locations: readonly string[]): readonly HttpRequest[] & { send: typeof redirecting } => {
  const seen: HttpRequest[] = [];
  const send = () =>
    redirecting(async (one) => {
      const location = locations[seen.length];
      seen.push(one);
      const headers: Record<string, string> = location === undefined ? {} : { location };
      return { status: location === undefined ? 200 : 307, headers, body: (async function* () {})(), url: one.url };
    });
  return Object.assign(seen, { send });
};

describe("a redirect", () => {
  const request: HttpRequest = {
    method: "GET",
    url: new URL("https://a.test/x"),
    headers: { authorization: "Basic secret", accept: "*/*" },
    side: "source",
    signal: new AbortController().signal,
  };
  test("within the same origin keeps the credential", async () => {
    const seen = answers("/y");
    await seen.send(async () => Promise.reject(new Error("unused")))(request);
    expect(seen[1]?.url.href).toBe("https://a.test/y");
    expect(seen[1]?.headers["authorization"]).toBe("Basic secret");
  });

  test.each(["https://b.test/y", "https://a.test:8443/y", "https://a.test.evil.test/"])(
    "to %s leaves the credential behind, and does not find it again on the way back",
    async (elsewhere) => {
      const seen = answers(elsewhere, "https://a.test/z");
      await seen.send(async () => Promise.reject(new Error("unused")))(request);
      expect(seen.map(({ headers }) => headers["authorization"])).toEqual(["Basic secret", undefined, undefined]);
      expect(seen[1]?.headers["accept"]).toBe("*/*");
    },
  );

  test.each(["http://a.test/y", "file:///etc/passwd", "ftp://a.test/"])("to %s is refused", async (location) => {
    const seen = answers(location);
    const send = seen.send(async () => Promise.reject(new Error("unused")));
    await expect(send(request)).rejects.toMatchObject({ code: "REGISTRY_ERROR" });
    expect(seen).toHaveLength(1);
  });

  test("of a form with an identity token is followed on the same origin only", async () => {
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    const form: HttpRequest = { ...request, method: "POST", headers, body: Buffer.from("refresh_token=secret") };
    const unused = async () => Promise.reject(new Error("unused"));
    const elsewhere = answers("https://b.test/y");
    await expect(elsewhere.send(unused)(form)).rejects.toMatchObject({ code: "REGISTRY_ERROR" });
    expect(elsewhere).toHaveLength(1);
    const same = answers("/y");
    await same.send(unused)(form);
    expect(same[1]?.body).toEqual(form.body);
  });

  test("without end is refused", async () => {
    const seen = answers(...Array.from({ length: 50 }, () => "/again"));
    const send = seen.send(async () => Promise.reject(new Error("unused")));
    await expect(send(request)).rejects.toMatchObject({ code: "REGISTRY_ERROR" });
    expect(seen.length).toBeLessThan(15);
  });
});

test.each([
  ["UND_ERR_HEADERS_TIMEOUT", 2],
  ["UND_ERR_CONNECT_TIMEOUT", 2],
  ["ECONNRESET", 5],
])("after %s a request is sent %i times", async (code, times) => {
  let sent = 0;
  const request = { method: "GET", url: new URL("https://r.test/v2/"), headers: {}, side: "source" } as const;
  const signal = new AbortController().signal;
  const send = retrying({ attempts: 5, delay: 1, longest: 1 })((asked) => {
    sent += 1;
    return Promise.reject(connectionError(asked, Object.assign(new Error("lost"), { code })));
  });
  await expect(send({ ...request, signal })).rejects.toMatchObject({ code: "REGISTRY_UNREACHABLE" });
  expect(sent).toBe(times);
});

test("Retry-After is seconds or a date", () => {
  expect(retryAfter({ headers: { "retry-after": "7" } })).toBe(7000);
  expect(retryAfter({ headers: { "retry-after": "Thu, 01 Jan 1970 00:01:00 GMT" } }, 50_000)).toBe(10_000);
  expect(retryAfter({ headers: { "retry-after": "soon" } })).toBe(0);
  expect(retryAfter({ headers: {} })).toBe(0);
});

test("a pause ends at once when it is aborted", async () => {
  const waiting = pause(1, { attempts: 2, delay: 60_000, longest: 60_000 }, AbortSignal.timeout(5));
  await expect(waiting).rejects.toMatchObject({ code: "CANCELED" });
});

test("a URL in an error has no user, password, query or fragment", () => {
  expect(redactUrl(new URL("https://u:p@a.test:1/v2/x?token=t#f"))).toBe("https://a.test:1/v2/x");
});

test("slots let so many run at a time, and go on after a failure", async () => {
  const run = slots(2);
  let [now, most] = [0, 0];
  const work = (index: number): Promise<number> =>
    run(async () => {
      most = Math.max(most, (now += 1));
      await new Promise((resolve) => setTimeout(resolve, 1));
      now -= 1;
      if (index === 1) throw new Error("one fails");
      return index;
    });
  const results = await Promise.allSettled([0, 1, 2, 3, 4].map(work));
  expect(most).toBe(2);
  expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled", "fulfilled", "fulfilled"]);
});

test("a cursor gives any ranges of a stream of any chunks", async () => {
  const chunked = fc.array(fc.uint8Array({ maxLength: 9 }), { maxLength: 9 });
  const points = fc.array(fc.tuple(fc.nat(40), fc.nat(40)), { maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(chunked, points, async (chunks, ranges) => {
      const all = Buffer.concat(chunks);
      const cursor = streamCursor(async function* () {
        yield* chunks;
      }, all.length);
      for (const [a, b] of ranges) {
        const [start, end] = [Math.min(a, b, all.length), Math.min(Math.max(a, b), all.length)];
        const got: Uint8Array[] = [];
        for await (const chunk of cursor.range(start, end)) got.push(Buffer.from(chunk));
        expect(Buffer.concat(got).equals(all.subarray(start, end))).toBe(true);
      }
      expect(cursor.failure()).toBeUndefined();
      await cursor.close();
    }),
  );
});

test.each([0, 1, 4])(
  "a range given up while it waits for the stream after %i bytes leaves the next one all",
  async (read) => {
    const all = Buffer.from("0123456789");
    const cursor = streamCursor(async function* () {
      for (const byte of all) {
        await new Promise((resolve) => setTimeout(resolve, 2));
        yield Buffer.of(byte);
      }
    }, all.length);
    const first = cursor.range(0, 10)[Symbol.asyncIterator]();
    for (let index = 0; index < read; index += 1) await first.next();
    const waiting = first.next();
    for (const start of [read, 0]) {
      const got: Uint8Array[] = [];
      for await (const chunk of cursor.range(start, 10)) got.push(chunk);
      expect(Buffer.concat(got).toString()).toBe("0123456789".slice(start));
    }
    expect((await waiting).done).toBe(true);
  },
);

async function drain(stream: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const chunk of stream) expect(chunk.length).toBeGreaterThan(0);
}

test("a stream that ends too early, or fails, is the cursor's failure", async () => {
  const early = streamCursor(async function* () {
    yield Buffer.from("abc");
  }, 5);
  await expect(drain(early.range(0, 5))).rejects.toThrow();
  expect(early.failure()).toBeDefined();
  const given = streamCursor(async function* () {
    yield Buffer.from("abcde");
  }, 5);
  const range = given.range(0, 5) as AsyncGenerator<Uint8Array>;
  await range.next();
  // What a destroyed connection does.
  await expect(range.throw(new Error("socket"))).rejects.toThrow("socket");
  expect(given.failure()).toBeUndefined();
});
