import { join } from "node:path";
import { textOf } from "../build/text-of.ts";
import type { Env } from "../machine.ts";
import type { Finding } from "./finding.ts";

/** Credentials of the person's `settings.xml`, which builds do not get by themselves; nothing where there are none. */
export async function mavenFindings({ HOME: home }: Env): Promise<readonly Finding[]> {
  if (home === undefined) return [];
  const text = await textOf(join(home, ".m2/settings.xml"));
  const servers = text.replaceAll(/<!--.*?-->/gs, "").match(/<server>/g)?.length ?? 0;
  if (servers === 0) return [];
  return [
    {
      area: "maven",
      name: "settings.xml",
      state: "warning",
      detail: `${servers} of its servers may have credentials: builds get the mirrors and no server`,
      remedy:
        "a directory with settings.xml and a file type that says maven is a binding: tspack build --volume DIRECTORY:/platform/bindings/maven",
    },
  ];
}
