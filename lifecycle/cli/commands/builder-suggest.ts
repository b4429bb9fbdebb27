import { defaultNames } from "../../platform/builder/default-builder.ts";
import { textTable } from "../text-table.ts";
import type { TspackHost } from "../toolbox.ts";

/** Builders that others maintain in public registries; who uses one trusts whoever makes it. */
const suggestions: readonly (readonly [vendor: string, image: string, description: string])[] = [
  ["tspack", defaultNames.builder, "Debian bookworm, Node.js and Procfile; made here at first use, no registry needed"],
  ["Google", "gcr.io/buildpacks/builder:google-22", ".NET, Dart, Go, Java, Node.js, PHP, Python, Ruby on Ubuntu 22.04"],
  ["Heroku", "heroku/builder:24", "Go, Java, Node.js, PHP, Python, Ruby, Scala on Ubuntu 24.04"],
  ["Paketo", "paketobuildpacks/builder-jammy-base", "Go, Java, .NET, Node.js, Python, Ruby on Ubuntu 22.04"],
  ["Paketo", "paketobuildpacks/builder-jammy-full", "as base, with PHP and more of the system's libraries"],
  ["Paketo", "paketobuildpacks/builder-jammy-tiny", "Go and Java on a run image without a shell"],
  ["Paketo", "paketobuildpacks/ubuntu-noble-builder", "Java, .NET, Node.js on Ubuntu 24.04"],
];

/** `tspack builder suggest`: builders to begin with. */
export function suggestBuilders(host: TspackHost): Promise<void> {
  const table = textTable([["VENDOR", "BUILDER", "FOR"], ...suggestions]);
  host.stdout(`Suggested builders:\n\n${table}\nNext: tspack builder inspect BUILDER\n`);
  return Promise.resolve();
}
