import { InputError, type InputIssue } from "../../errors.ts";
import type { CacheRequest } from "./request.ts";

const keys = ["type", "format", "name", "source"];

/**
 * Reads what `--cache` takes: `type=build|launch;format=bind|volume|image;name=…` with `source=` for
 * a directory. As elsewhere, the type is `build` and the format `volume` when left out.
 * Throws `INVALID_ARGUMENTS` with every problem.
 */
export function parseCache(text: string): CacheRequest {
  const issues: InputIssue[] = [];
  const wrong = (path: string, expected: string, got: string): void =>
    void issues.push({ source: "--cache", path, expected, got: JSON.stringify(got) });
  const fields = new Map<string, string>();
  for (const part of text.split(";").filter((each) => each.trim() !== "")) {
    const [, key = part, value = ""] = /^\s*([^=]*)=(.*)$/s.exec(part) ?? [];
    if (!keys.includes(key) || value === "") wrong(key, `KEY=VALUE with one of ${keys.join(", ")}`, part);
    fields.set(key, value);
  }
  const type = oneOf(["build", "launch"], fields.get("type") ?? "build");
  const format = oneOf(["bind", "volume", "image"], fields.get("format") ?? "volume");
  if (type === undefined) wrong("type", "build or launch", fields.get("type") ?? "");
  if (format === undefined) wrong("format", "bind, volume or image", fields.get("format") ?? "");
  const key = format === "bind" ? "source" : "name";
  const source = fields.get(key) ?? "";
  if (format !== undefined && source === "") wrong(key, `${key}=… for format ${format}`, text);
  if (format === "image" && type === "launch") wrong("format", "bind or volume for a launch cache", "image");
  if (issues.length > 0 || type === undefined || format === undefined)
    throw new InputError("INVALID_ARGUMENTS", "the cache can not be read", issues, {
      hint: "for example --cache 'type=build;format=bind;source=/var/cache/app'",
    });
  return { type, format, source };
}

function oneOf<T extends string>(words: readonly T[], text: string): T | undefined {
  return words.find((word) => word === text);
}
