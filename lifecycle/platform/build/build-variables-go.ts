import { join } from "node:path";
import { withoutCredentials } from "../../addresses.ts";
import type { Env } from "../machine.ts";
import { textOf } from "./text-of.ts";

const names = ["GOPROXY", "GOPRIVATE", "GONOPROXY", "GOSUMDB", "GONOSUMDB", "GOINSECURE"] as const;

/** Where Go gets modules from, of the environment or of what `go env -w` wrote, without running go. */
export async function goVariables(env: Env): Promise<Readonly<Record<string, string>>> {
  const written = readLines(await textOf(configurationFile(env)));
  const found = names.flatMap((name) => {
    const value = env[name] ?? written.get(name);
    if (value === undefined || value === "") return [];
    const shown = name === "GOPROXY" ? withoutDirectories(value) : value;
    return shown === "" ? [] : [[name, withoutCredentials(shown)] as const];
  });
  return Object.fromEntries(found);
}

// https://go.dev/ref/mod#environment-variables: GOENV names another file, or "off".
function configurationFile(env: Env): string | undefined {
  const { GOENV: named, HOME: home } = env;
  if (named === "off") return undefined;
  if (named !== undefined && named !== "") return named;
  const user = env["XDG_CONFIG_HOME"] ?? (home === undefined ? undefined : join(home, ".config"));
  return user === undefined ? undefined : join(user, "go/env");
}

function readLines(text: string): ReadonlyMap<string, string> {
  const pairs = text.split(/\r?\n/).flatMap((line) => {
    const [, name, value] = /^(\w+)=(.*)$/.exec(line) ?? [];
    return name === undefined || value === undefined ? [] : [[name, value.trim()] as const];
  });
  return new Map(pairs);
}

/** A proxy that is a directory of this machine is not there for a build; "," and "|" say when the next one is asked. */
function withoutDirectories(proxies: string): string {
  return proxies.replaceAll(/file:[^,|]*[,|]?/g, "").replace(/[,|]$/, "");
}
