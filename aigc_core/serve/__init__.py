"""Language models over HTTP, as OpenAI's API has it: request -> texts -> rows of a desk -> pieces -> answer."""
