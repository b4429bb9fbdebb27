/** Variables of the process, as its caller passes them on. */
export type Env = Readonly<Record<string, string | undefined>>;

/**
 * What git may know of the environment: who and where, how to reach the network, how to get at a
 * credential. Not what would send it to another repository (`GIT_DIR` in a hook) or have it
 * write requests with their credentials into a log (`GIT_TRACE_CURL`).
 */
const passedOn =
  /^(PATH|HOME|USER|LOGNAME|TMPDIR|XDG_CONFIG_HOME|SSH_AUTH_SOCK|SSH_AGENT_PID|SSH_ASKPASS|GIT_ASKPASS|GIT_SSH|GIT_SSH_COMMAND|GIT_SSH_VARIANT|GIT_SSL_CAINFO|GIT_SSL_CAPATH|GIT_CONFIG_GLOBAL|GIT_CONFIG_SYSTEM|GIT_CONFIG_NOSYSTEM|GIT_CONFIG_COUNT|GIT_CONFIG_KEY_\d+|GIT_CONFIG_VALUE_\d+|SSL_CERT_FILE|SSL_CERT_DIR|(http|https|all|no)_proxy|(HTTP|HTTPS|ALL|NO)_PROXY)$/;

/** The environment of `git`: it asks nothing, speaks the one protocol and English. */
export function gitEnvironment(env: Env, protocol: string): Readonly<Record<string, string>> {
  const passed = Object.entries(env).flatMap(([name, value]) =>
    value !== undefined && passedOn.test(name) ? [[name, value] as const] : [],
  );
  return {
    // A question about an unknown host would wait for ever, as a host that is silent would.
    GIT_SSH_COMMAND: "ssh -oBatchMode=yes -oConnectTimeout=30 -oServerAliveInterval=20",
    ...Object.fromEntries(passed),
    GIT_TERMINAL_PROMPT: "0",
    GIT_ALLOW_PROTOCOL: protocol,
    LC_ALL: "C",
  };
}

/** Variables that lead git to a credential, or to settings that may have one. */
const leadsToCredentials = /^(SSH_|GIT_ASKPASS$|GIT_SSH|GIT_CONFIG_|XDG_CONFIG_HOME$|HOME$|USER$|LOGNAME$)/;

/**
 * The same for https and for nobody in particular: no settings of the person or the machine, no credential helper, no
 * `.netrc`, no agent. `home` is an empty directory. Proxies and certificates stay.
 */
export function anonymousEnvironment(env: Env, home: string): Readonly<Record<string, string>> {
  const known = Object.entries(gitEnvironment(env, "https")).filter(([name]) => !leadsToCredentials.test(name));
  const nothing = { GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_NOSYSTEM: "1", GIT_ASKPASS: "", SSH_ASKPASS: "" };
  return { ...Object.fromEntries(known), ...nothing, HOME: home, XDG_CONFIG_HOME: home };
}
