import { join } from "node:path";
import { withoutCredentials } from "../../addresses.ts";
import type { Env } from "../machine.ts";
import { textOf } from "./text-of.ts";

const options = ["index-url", "extra-index-url", "trusted-host"] as const;

/**
 * Where pip gets packages from: `PIP_INDEX_URL`, `PIP_EXTRA_INDEX_URL` and `PIP_TRUSTED_HOST` of the
 * environment or of pip's configuration, without running pip. `etc` is `/etc`.
 */
export async function pipVariables(env: Env, etc: string): Promise<Readonly<Record<string, string>>> {
  const files = await Promise.all(configurationFiles(env, etc).map(textOf));
  const configured = new Map(files.flatMap((text) => [...readConfiguration(text)]));
  const found = options.flatMap((option) => {
    const variable = `PIP_${option.toUpperCase().replaceAll("-", "_")}`;
    const value = env[variable] ?? configured.get(`install.${option}`) ?? configured.get(`global.${option}`);
    return value === undefined || value === "" ? [] : [[variable, withoutCredentials(value)] as const];
  });
  return Object.fromEntries(found);
}

// In pip's order: each wins over those before it.
function configurationFiles(env: Env, etc: string): readonly string[] {
  const { HOME: home, VIRTUAL_ENV: venv, PIP_CONFIG_FILE: named } = env;
  if (named === "/dev/null") return [];
  const user = env["XDG_CONFIG_HOME"] ?? (home === undefined ? undefined : join(home, ".config"));
  return [
    join(etc, "xdg/pip/pip.conf"),
    join(etc, "pip.conf"),
    ...(home === undefined ? [] : [join(home, ".pip/pip.conf")]),
    ...(user === undefined ? [] : [join(user, "pip/pip.conf")]),
    ...(venv === undefined ? [] : [join(venv, "pip.conf")]),
    ...(named === undefined ? [] : [named]),
  ];
}

/** Values by `section.option`, as Python's configparser reads them; further lines of a value are indented. */
function readConfiguration(text: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  let section = "";
  let current: string | undefined;
  for (const line of text.split(/\r?\n/)) {
    const header = /^\[([^\]]+)\]/.exec(line)?.[1];
    const [, option, value] = /^([\w-]+)\s*[=:]\s*(.*)$/.exec(line) ?? [];
    if (/^\s*([#;]|$)/.test(line)) continue;
    if (header !== undefined) {
      [section, current] = [header, undefined];
    } else if (option !== undefined) {
      current = `${section}.${option.toLowerCase().replaceAll("_", "-")}`;
      values.set(current, (value ?? "").trim());
    } else if (/^\s/.test(line) && current !== undefined) {
      values.set(current, `${values.get(current) ?? ""} ${line.trim()}`.trim());
    }
  }
  return values;
}
