import { type Command, Option } from "commander";
import { cacheKinds } from "../../platform/store/cache-items.ts";
import type { TspackHost } from "../toolbox.ts";
import { action, command, common, examples } from "./declare.ts";

/** `tspack cache`. */
export function addCache(program: Command, host: TspackHost): void {
  const cache = command(program, "cache", "What is kept to be faster the next time; all of it can go");
  const list = command(cache, "list", "List caches of builds, blobs, downloads and what is unpacked")
    .addOption(dockerHost())
    .option("--json", "print as JSON");
  action(common(list), host, async () => (await import("../commands/cache.ts")).listCaches);
  examples(list, ["tspack cache list", "tspack cache list --json"]);
  const prune = command(cache, "prune", "Remove what was not used for long, and nobody is using")
    .option("--older-than <time>", "what was not used for so long: 12h, 30d, 4w (default: 30d)")
    .option("--all", "everything, however old")
    .addOption(new Option("--only <kinds...>", "only these").choices(cacheKinds))
    .option("--max-blobs <size>", "compressed layers beyond so much, longest unused first: 10GB")
    .addOption(dockerHost())
    .option("--dry-run", "tell what would be removed")
    .option("--json", "print as JSON");
  action(common(prune), host, async () => (await import("../commands/cache.ts")).pruneCache);
  examples(prune, ["tspack cache prune", "tspack cache prune --all --dry-run", "tspack cache prune --max-blobs 10GB"]);
  examples(cache, ["tspack cache list", "tspack cache prune --older-than 7d"]);
}

function dockerHost(): Option {
  return new Option(
    "--docker-host <address>",
    "the container engine whose cache volumes count, too (default: as DOCKER_HOST and Docker's context say)",
  );
}
