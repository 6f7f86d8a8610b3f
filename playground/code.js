// A request as code that can be run elsewhere. Pure; a key is never part of it.

/** @typedef {import('./api.js').ChatBody} ChatBody */

/** Between single quotes a shell reads everything as it is, but for the quote. @param {string} text */
const shellQuoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

/** @param {string} baseUrl ends in /v1 @param {ChatBody} body @param {boolean} withKey */
export function curlOf(baseUrl, body, withKey) {
  const lines = [
    `curl -sN ${shellQuoted(`${baseUrl}/chat/completions`)}`,
    "-H 'content-type: application/json'",
    ...(withKey ? ['-H "authorization: Bearer $API_KEY"'] : []),
    `-d ${shellQuoted(JSON.stringify(body))}`,
  ];
  return lines.join(' \\\n  ');
}

/** For Node; the extensions that the SDK's types lack are sent as they are. @param {string} baseUrl @param {ChatBody} body @param {boolean} withKey */
export function sdkOf(baseUrl, body, withKey) {
  const apiKey = withKey ? 'process.env.API_KEY' : "'any'";
  return `import OpenAI from 'openai';

const openai = new OpenAI({ baseURL: ${JSON.stringify(baseUrl)}, apiKey: ${apiKey} });
const stream = await openai.chat.completions.create(${JSON.stringify(body, null, 2)});
for await (const { choices, usage } of stream) {
  process.stdout.write(choices[0]?.delta.content ?? '');
  if (usage) console.log('\\n', usage);
}
`;
}
