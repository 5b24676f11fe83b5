-- The head of the chain.
SELECT seq, hash FROM promote.chain
