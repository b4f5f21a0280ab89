// Everything that the environment decides.
const required = (name) => {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set`);
  return value;
};

export const config = {
  port: Number(required('PORT')),
  databaseUrl: required('DATABASE_URL'),
  redisNodes: required('REDIS_URLS')
    .split(',')
    .map((url) => new URL(url))
    .map((url) => ({ host: url.hostname, port: Number(url.port) })),
  whatsapp: {
    baseUrl: required('WHATSAPP_BASE_URL'),
    phoneNumberId: required('WHATSAPP_PHONE_NUMBER_ID'),
    accessToken: required('WHATSAPP_ACCESS_TOKEN'),
    appSecret: required('WHATSAPP_APP_SECRET'),
    verifyToken: required('WHATSAPP_VERIFY_TOKEN'),
  },
  // Purchases of one customer a minute.
  purchaseLimit: Number(process.env.TRANSACTION_LIMIT ?? 3),
};
