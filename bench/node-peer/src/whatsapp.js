// The send API.
import { Pool } from 'undici';
import { config } from './config.js';

const { baseUrl, phoneNumberId, accessToken } = config.whatsapp;
// https://undici.nodejs.org/#/docs/api/Pool: connections are kept alive and reused.
const http = new Pool(baseUrl, { connections: 64 });
const path = `/v23.0/${phoneNumberId}/messages`;
const headers = { authorization: `Bearer ${accessToken}`, 'content-type': 'application/json' };

export const send = async (reply) => {
  const { statusCode, body } = await http.request({
    method: 'POST',
    path,
    headers,
    body: JSON.stringify({
      messaging_product: 'whatsapp',
      recipient_type: 'individual',
      to: reply.wa_id,
      biz_opaque_callback_data: String(reply.id),
      ...reply.payload,
    }),
  });
  const answer = await body.json();
  if (statusCode !== 200) throw new Error(`WhatsApp says ${statusCode}: ${JSON.stringify(answer)}`);
  return answer.messages[0].id;
};

export const text = (body) => ({ type: 'text', text: { body } });

export const buttons = (body, options) => ({
  type: 'interactive',
  interactive: {
    type: 'button',
    body: { text: body },
    action: {
      buttons: options.map(([id, title]) => ({ type: 'reply', reply: { id, title } })),
    },
  },
});

export const list = (body, button, rows) => ({
  type: 'interactive',
  interactive: {
    type: 'list',
    body: { text: body },
    action: { button, sections: [{ title: button, rows }] },
  },
});
