import hypothesis

# The same examples everywhere, judged by what they show and not by how long a busy machine takes for them.
hypothesis.settings.register_profile("steady", deadline=None, derandomize=True, database=None)
hypothesis.settings.load_profile("steady")
