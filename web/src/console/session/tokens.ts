import type { User } from '../../config';

/** The last development user, and a pasted token, which is kept for this tab only. */
const userKey = 'plantain:user';
const tokenKey = 'plantain:token';

export function storedToken(users: User[]): string | null {
  const pasted = sessionStorage.getItem(tokenKey);
  if (pasted) return pasted;
  const last = localStorage.getItem(userKey);
  return (users.find(({ id }) => id === last) ?? users[0])?.token ?? null;
}

export function storeUser(user: User) {
  sessionStorage.removeItem(tokenKey);
  localStorage.setItem(userKey, user.id);
}

export function storePastedToken(token: string) {
  sessionStorage.setItem(tokenKey, token);
}

export function clearPastedToken() {
  sessionStorage.removeItem(tokenKey);
}
