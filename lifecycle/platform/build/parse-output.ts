import { InputError } from "../../errors.ts";
import type { BuildOutput } from "./request.ts";

/**
 * Reads what `--output` takes: `local`, `registry`, `engine`, or a kind of file with its path after a
 * colon. Throws `INVALID_ARGUMENTS`.
 */
export function parseOutput(text: string): BuildOutput {
  if (text === "local" || text === "registry" || text === "engine") return { kind: text };
  const at = text.indexOf(":");
  const [kind, path] = at === -1 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
  if (path !== "" && (kind === "oci" || kind === "oci-archive" || kind === "docker-archive")) return { kind, path };
  const expected = "local, registry, engine, oci:DIRECTORY, oci-archive:FILE or docker-archive:FILE";
  const issue = { source: "--output", path: "", expected, got: JSON.stringify(text) };
  throw new InputError("INVALID_ARGUMENTS", "the output can not be read", [issue]);
}
