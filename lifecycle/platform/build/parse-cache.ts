import { join } from "node:path";
import { InputError, type InputIssue } from "../../errors.ts";
import type { CacheRequest } from "./request.ts";

const keys = ["type", "format", "name", "source"];

/**
 * Reads what `--cache` takes, as pack does: `type=build|launch;format=bind|volume|image` and `name=` or
 * `source=`, keys in any case. The type is `build` and the format `volume` when left out; a volume
 * without a name is the image's own. In a directory, a cache has a directory of its own, so that
 * one directory serves for both types. Throws `INVALID_ARGUMENTS` with every problem.
 */
export function parseCache(text: string): CacheRequest {
  const issues: InputIssue[] = [];
  const wrong = (path: string, expected: string, got: string): void =>
    void issues.push({ source: "--cache", path, expected, got: JSON.stringify(got) });
  const fields = new Map<string, string>();
  for (const part of text.split(";").filter((each) => each.trim() !== "")) {
    const [, key = part, value = ""] = /^\s*([^=]*)=(.*)$/s.exec(part) ?? [];
    const known = key.toLowerCase();
    if (!keys.includes(known) || value === "") wrong(key, `KEY=VALUE with one of ${keys.join(", ")}`, part);
    if (fields.has(known)) wrong(key, `${known} once`, part);
    fields.set(known, value);
  }
  if (fields.size === 0) wrong("", "KEY=VALUE, with a semicolon between several", text);
  if (fields.has("name") && fields.has("source")) wrong("source", "name or source: they mean the same", text);
  const type = oneOf(["build", "launch"], fields.get("type") ?? "build");
  const format = oneOf(["bind", "volume", "image"], fields.get("format") ?? "volume");
  if (type === undefined) wrong("type", "build or launch", fields.get("type") ?? "");
  if (format === undefined) wrong("format", "bind, volume or image", fields.get("format") ?? "");
  const source = fields.get("name") ?? fields.get("source");
  const key = format === "bind" ? "source" : "name";
  if (format !== undefined && format !== "volume" && source === undefined)
    wrong(key, `${key}=… for format ${format}`, text);
  if (format === "image" && type === "launch") wrong("format", "bind or volume for a launch cache", "image");
  const request = type === undefined || format === undefined ? undefined : cacheOf(type, format, source);
  if (issues.length === 0 && request !== undefined) return request;
  throw new InputError("INVALID_ARGUMENTS", "the cache can not be read", issues, {
    hint: "for example --cache 'type=build;format=bind;source=/var/cache/app'",
  });
}

function cacheOf(
  type: CacheRequest["type"],
  format: CacheRequest["format"],
  source: string | undefined,
): CacheRequest | undefined {
  if (format === "volume") return { type, format, source };
  if (source === undefined) return undefined;
  return { type, format, source: format === "bind" ? join(source, `${type}-cache`) : source };
}

function oneOf<T extends string>(words: readonly T[], text: string): T | undefined {
  return words.find((word) => word === text);
}
