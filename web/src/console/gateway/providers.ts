import type { ProviderName } from '../../gql/graphql';

export const providerNames: Record<ProviderName, string> = {
  NANO_BANANA: 'NanoBanana',
  FLUX_KONTEXT: 'Flux Kontext',
  ACE_DATA: 'Ace Data Cloud',
};
