"""Whether the embeddings of a file belong to the embedding space of the target."""
