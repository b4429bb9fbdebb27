import { type Command, Option } from "commander";
import type { TspackHost } from "../toolbox.ts";
import { action, command, common, examples, outputOptions } from "./declare.ts";

/** `tspack login` and `tspack logout`. */
export function addLogin(program: Command, host: TspackHost): void {
  const login = command(program, "login", "Keep the password of a registry, where Docker and others keep theirs")
    .argument("[registry]", "HOST[:PORT] of the registry; Docker Hub when absent")
    .option("-u, --username <name>", "who you are there")
    .option("--password-stdin", "read the password or token from standard input")
    .addOption(new Option("-p, --password <password>", "refused: other processes could read it").hideHelp());
  action(common(login), host, async () => (await import("../commands/login.ts")).login);
  examples(login, [
    "tspack login registry.example.com -u ada --password-stdin < token.txt",
    "pass registry | tspack login -u ada --password-stdin",
  ]);
  const logout = command(program, "logout", "Forget the password of a registry").argument(
    "[registry]",
    "HOST[:PORT] of the registry; Docker Hub when absent",
  );
  action(outputOptions(logout), host, async () => (await import("../commands/login.ts")).logout);
  examples(logout, ["tspack logout registry.example.com", "tspack logout"]);
}
