// docs/operating/configuration.md, written from the schema. Run as a program it writes the file.

import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { OTHER_VARIABLES, SCHEMA, variableOf } from './schema.ts';

export const REFERENCE_PATH = fileURLToPath(new URL('../../docs/operating/configuration.md', import.meta.url));

export function configReference(): string {
  const sections = Object.entries(SCHEMA).map(([section, settings]) => {
    const rows = Object.entries(settings).map(([name, setting]) => {
      const key = `${section}.${name}`;
      return `| \`${key}\` | \`${setting.defaultText}\` | ${setting.allowed} | \`${variableOf(key)}\` | ${setting.description} |`;
    });
    return `## ${section}\n\n| setting | default | allowed | environment | what it does |\n|---|---|---|---|---|\n${rows.join('\n')}\n`;
  });
  const others = Object.entries(OTHER_VARIABLES).map(([name, description]) => `| \`${name}\` | ${description} |`);
  return `${HEAD}\n${sections.join('\n')}\n## Variables that are not settings\n\n| variable | what it does |\n|---|---|\n${others.join('\n')}\n`;
}

const HEAD = `# Configuration

<!-- Written by \`scripts/node src/config/reference.ts\` from src/config/schema.ts: change that, not this. -->

Guildhall runs without any configuration. A setting may stand, the later winning over the earlier, in

1. a TOML file: \`./guildhall.toml\`, or what \`--config FILE\` or \`GUILDHALL_CONFIG\` names;
2. the environment, as \`GUILDHALL_SECTION_KEY\` (an empty variable counts as not set);
3. flags of any command, as \`--section.key VALUE\` or \`--section-key VALUE\`.

A setting that is not known, or a value that is not allowed, stops the server before it starts; the error names the nearest
known setting, or where the value stands and what is allowed. \`npx guildhall check-config\` reads the configuration as the
server would.

\`\`\`toml
[http]
host = "0.0.0.0"
port = 8080

[public]
url = "https://chat.example.org"
\`\`\`
`;

if (import.meta.main) writeFileSync(REFERENCE_PATH, configReference());
